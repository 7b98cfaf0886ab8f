"""A list of hashes is searched where it lies, in a few reads; a wrong one is told from a right."""

import tracemalloc
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.breaches.server import digest_of
from watchword.adapters.breaches import SortedFile, SortedFileUnusable, Unanswered, require_usable
from watchword.adapters.breaches.sorted_file import BLOCK, is_listed

ROWS = 100_000


@cache
def many() -> Sequence[str]:
    return sorted(digest_of(str(number)) for number in range(ROWS))


def text_of(digests: Sequence[str], *, end: str = "\n", counted: bool = True) -> bytes:
    rows = [f"{d}:{number % 2_000 + 1}" if counted else d for number, d in enumerate(digests)]
    return end.join(rows).encode() + end.encode()


class Counted:
    """Bytes that count how often they are read, and how much at once."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.reads: list[int] = []

    def __call__(self, at: int, length: int) -> bytes:
        self.reads.append(length)
        return self.content[at : at + length]

    def holds(self, digest: str) -> bool:
        return is_listed(digest, self, len(self.content))


class TestALargeList:
    @pytest.mark.parametrize("counted", [True, False])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_is_searched_in_a_few_small_reads(self, end: str, counted: bool) -> None:
        content = text_of(many(), end=end, counted=counted)
        for number in (0, 1, ROWS // 3, ROWS // 2, ROWS - 2, ROWS - 1):
            read = Counted(content)
            assert read.holds(many()[number])
            assert len(read.reads) <= 20
            assert max(read.reads) <= BLOCK

    def test_knows_what_is_missing_in_as_few(self) -> None:
        content = text_of(many())
        for digest in ("0" * 40, "F" * 40, *(digest_of(f"not {number}") for number in range(200))):
            read = Counted(content)
            assert not read.holds(digest)
            assert len(read.reads) <= 20

    async def test_is_never_in_the_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "hashes"
        path.write_bytes(text_of(many()))
        file = SortedFile(path)
        tracemalloc.start()
        try:
            require_usable(path)
            assert await file.holds(many()[777])
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < path.stat().st_size / 10


class TestAnyList:
    @given(
        numbers=st.sets(st.integers(0, 5_000), min_size=1, max_size=400),
        end=st.sampled_from(["\n", "\r\n"]),
        counted=st.booleans(),
        ended=st.booleans(),
    )
    def test_holds_what_is_in_it_and_nothing_else(
        self, numbers: set[int], end: str, counted: bool, ended: bool
    ) -> None:
        inside = sorted(digest_of(str(number)) for number in numbers)
        content = text_of(inside, end=end, counted=counted)
        read = Counted(content if ended else content.rstrip(b"\r\n"))
        assert all(read.holds(digest) for digest in inside)
        assert not any(read.holds(digest_of(f"not {number}")) for number in numbers)

    def test_may_be_written_in_small_letters(self) -> None:
        assert Counted(text_of(many()[:300]).lower()).holds(many()[123])

    def test_holds_no_padding(self) -> None:
        digest = digest_of("x")
        assert not Counted(f"{digest}:0\n".encode()).holds(digest)

    def test_that_is_damaged_where_it_is_read_gives_no_answer(self) -> None:
        content = bytearray(text_of(many()))
        middle = len(content) // 2
        content[middle - 50 : middle + 50] = b"\x00" * 100
        with pytest.raises(Unanswered):
            Counted(bytes(content)).holds("0" * 40)

    def test_that_ends_sooner_than_it_said_gives_no_answer(self) -> None:
        """Cut short under way."""
        read = Counted(text_of(many()[:1_000]))
        with pytest.raises(Unanswered):
            is_listed("F" * 40, read, len(read.content) * 2)


class TestTheFile:
    async def test_is_read_anew_for_each_question(self, tmp_path: Path) -> None:
        path = tmp_path / "hashes"
        path.write_bytes(text_of(many()[:10]))
        file = SortedFile(path)
        assert await file.holds(many()[3])
        newer = tmp_path / "newer"
        newer.write_bytes(text_of(many()[5:15]))
        newer.replace(path)
        assert not await file.holds(many()[3])
        assert await file.holds(many()[12])
        await file.close()

    async def test_that_is_gone_gives_no_answer(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            await SortedFile(tmp_path / "gone").holds("0" * 40)


class TestTheStart:
    def refuse(self, path: Path) -> str:
        with pytest.raises(SortedFileUnusable) as refused:
            require_usable(path)
        assert str(path) in str(refused.value)
        assert "WATCHWORD_BREACH_FILE" in refused.value.remedy or "user" in refused.value.remedy
        return refused.value.problem

    @pytest.mark.parametrize("count", [1, 2, 90, 91, 500, ROWS])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_takes_a_list_of_any_length(self, count: int, end: str, tmp_path: Path) -> None:
        path = tmp_path / "hashes"
        path.write_bytes(text_of(many()[:count], end=end))
        require_usable(path)
        path.write_bytes(path.read_bytes().rstrip())
        require_usable(path)

    def test_refuses_what_is_not_there(self, tmp_path: Path) -> None:
        assert "not there" in self.refuse(tmp_path / "gone")
        assert "no file" in self.refuse(tmp_path)

    def test_refuses_what_the_system_does_not_let_it_read(self, tmp_path: Path) -> None:
        """By its name, for root may read whatever its mode says."""
        (tmp_path / "hashes").symlink_to("n" * 300)
        assert "cannot be read" in self.refuse(tmp_path / "hashes")

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\n",
            b"password1\npassword2\n",
            b"A" * 32 + b":5\n",  # NTLM hashes, which are published beside these
            b"A" * 64 + b":5\n",
            b"A" * 40 + b",5\n",
            b"\xef\xbb\xbf" + b"A" * 40 + b":5\n",
            b"PK\x03\x04" + b"\x00" * 9_000,
            b"A" * 100_000,
        ],
    )
    def test_refuses_what_is_no_list(self, content: bytes, tmp_path: Path) -> None:
        path = tmp_path / "hashes"
        path.write_bytes(content)
        assert "no list of SHA-1" in self.refuse(path)

    @pytest.mark.parametrize("count", [2, 50, 5_000])
    def test_refuses_a_list_in_another_order(self, count: int, tmp_path: Path) -> None:
        """The same data is published by count as well."""
        path = tmp_path / "hashes"
        path.write_bytes(text_of(list(reversed(many()[:count]))))
        assert "not ordered" in self.refuse(path)
        by_chance = sorted(many()[:5_000], key=lambda digest: digest[10:])
        path.write_bytes(text_of(by_chance))
        assert "not ordered" in self.refuse(path)
