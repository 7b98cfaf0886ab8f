"""Archives that somebody else made (attack O12): one database comes out of them, or nothing."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from tests.adapters.maxmind.archives import CITIES, NAME, archive, member, offered, plain
from watchword.adapters.maxmind.archive import Bounds, unpack
from watchword.domain.places import FetchFailed

LINK = member("GeoLite2-City/GeoLite2-City.mmdb", kind=tarfile.SYMTYPE)
LINK.linkname = "/etc/passwd"
HARD = member("GeoLite2-City/GeoLite2-City.mmdb", kind=tarfile.LNKTYPE)
HARD.linkname = "../../secret"
BOUNDS = Bounds(unpacked=2**20)


def unpacked(content: bytes, bounds: Bounds = BOUNDS) -> bytes:
    target = io.BytesIO()
    unpack(io.BytesIO(content), target, bounds)
    return target.getvalue()


def refused(content: bytes, bounds: Bounds = BOUNDS) -> str:
    with pytest.raises(FetchFailed) as caught:
        unpacked(content, bounds)
    assert caught.value.__suppress_context__
    return str(caught.value).removeprefix("The archive is not as it should be: ")


class TestAnArchiveAsItShouldBe:
    def test_gives_its_database(self) -> None:
        assert unpacked(offered()) == CITIES

    @pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
    def test_may_be_of_any_form(self, form: int) -> None:
        folder = "a folder with a name that no short header can hold " * 2
        name = f"{folder}/{'x' * 50}.mmdb" if form != tarfile.USTAR_FORMAT else NAME
        assert unpacked(archive(plain(name, CITIES), form=form)) == CITIES


class TestAHostileArchive:
    @pytest.mark.parametrize("about", [LINK, HARD], ids=["symbolic", "hard"])
    def test_o12_with_a_link_is_refused(self, about: tarfile.TarInfo) -> None:
        assert refused(archive((about, b""))) == "there is a link or a device in it."

    @pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
    def test_o12_with_what_is_no_plain_file_is_refused(self, kind: bytes) -> None:
        strange = member("LICENSE.txt", kind=kind)
        assert "a device" in refused(archive((strange, b""), plain(NAME, CITIES)))

    @pytest.mark.parametrize("name", ["../places.mmdb", "a/../../b.mmdb", "/etc/cron.d/a.mmdb"])
    def test_o12_with_a_name_that_leads_out_is_refused(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home = tmp_path / "a" / "b"
        home.mkdir(parents=True)
        monkeypatch.chdir(home)
        assert refused(archive(plain(name, CITIES))) == "a name in it leads out of it."
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_o12_that_swells_is_refused_before_it_has(self) -> None:
        bomb = archive(plain(NAME, b"\0" * 2**22))
        assert len(bomb) < 2**13
        assert refused(bomb) == "it is larger than any such database."

    def test_o12_that_swells_beside_its_database_is_refused(self) -> None:
        bomb = archive(plain("LICENSE.txt", b"\0" * 2**22), plain(NAME, CITIES))
        assert refused(bomb) == "it is larger than any such database."

    def test_o12_that_claims_to_be_huge_is_not_unpacked_to_its_end(self) -> None:
        """What is passed over would be unpacked all the same."""
        huge = member("LICENSE.txt")
        huge.size = 2**32
        bomb = gzip.compress(huge.tobuf(tarfile.USTAR_FORMAT) + b"\0" * 2_048)
        assert refused(bomb) == "it is larger than any such database."

    def test_o12_that_is_mostly_holes_is_refused(self) -> None:
        """A terabyte of nothing takes a line in a header."""
        sparse = member(NAME, b"x")
        sparse.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**40)}
        told = refused(archive((sparse, b"x"), form=tarfile.PAX_FORMAT))
        assert told == "there is a link or a device in it."

    def test_o12_that_swells_in_a_header_is_refused(self) -> None:
        name = f"{'x' * 2**19}.mmdb"
        bomb = archive(plain(name, CITIES), form=tarfile.GNU_FORMAT)
        assert refused(bomb) == "a header in it is too large."

    def test_o12_of_headers_about_headers_is_refused(self) -> None:
        """Each is one call deeper in the library."""
        header = member("a", b"", kind=tarfile.GNUTYPE_LONGNAME)
        assert refused(archive(*[(header, b"")] * 1_900)) == "it is damaged."

    def test_o12_of_too_many_files_is_refused(self) -> None:
        files = [plain(f"{number}.txt", b"") for number in range(101)]
        assert refused(archive(*files)) == "there is too much in it."

    def test_o12_that_claims_more_than_it_has_is_refused(self) -> None:
        packed = gzip.decompress(offered())
        assert refused(gzip.compress(packed[:12_000])) == "it is damaged."

    def test_o12_with_sizes_below_nothing_ends(self) -> None:
        """A size that leads back to its own header would be read for ever."""
        header = bytearray(member("a.txt").tobuf(tarfile.GNU_FORMAT))
        header[124:136] = b"\xff" * 10 + b"\xfc\x00"
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        assert refused(gzip.compress(bytes(header) * 2)) in {
            "it is damaged.",
            "it leads back into itself.",
            "there is no database in it.",
        }


class TestAnArchiveWithoutOneDatabase:
    def test_is_refused_when_it_has_none(self) -> None:
        assert refused(archive(plain("LICENSE.txt", b""))) == "there is no database in it."

    def test_is_refused_when_it_has_two(self) -> None:
        two = archive(plain("a.mmdb", CITIES), plain("b.mmdb", CITIES))
        assert refused(two) == "there are two databases in it."

    def test_is_refused_when_it_is_a_folder(self) -> None:
        folder = member("a.mmdb", kind=tarfile.DIRTYPE)
        assert refused(archive((folder, b""))) == "its database is a folder."

    @pytest.mark.parametrize(
        "content",
        [b"", b"<html>", CITIES, offered()[:4_000], gzip.compress(b"no tar" * 200)],
        ids=["nothing", "a page", "the database itself", "half of it", "no tar"],
    )
    def test_is_refused_when_it_is_something_else(self, content: bytes) -> None:
        assert refused(content) in {"it is damaged.", "there is no database in it."}
