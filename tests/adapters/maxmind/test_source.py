"""A newer database is fetched: whole, checked and tried, or not at all; from a server on a real
socket, which may be slow, lie, break off, or send us elsewhere.
"""

import asyncio
import gzip
import io
import logging
import os
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.adapters.maxmind.archives import CITIES, MMDB, archive, offered, plain
from tests.adapters.maxmind.server import (
    ARCHIVE,
    MODIFIED,
    SUM,
    ArchiveServer,
    archive_server,
    cut_off,
    hanging,
    http,
    refusing,
    silent,
)
from watchword.adapters.maxmind.archive import Bounds
from watchword.adapters.maxmind.download import Credentials, Download, Patience
from watchword.adapters.maxmind.source import MaxMindSource, unseen
from watchword.crypto.secret import Secret
from watchword.domain.places import FetchFailed, FetchRefused
from watchword.domain.time import DAY
from watchword.ports import Fetched

KEY = "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"
BASIC = b64encode(f"123456:{KEY}".encode()).decode()
OTHER = MMDB / "GeoIP2-Anonymous-IP-Test.mmdb"


@dataclass
class Fetching:
    """A source at a server of the test; ``pauses`` are the seconds that it would have waited."""

    server: ArchiveServer
    folder: Path
    url: str = ""
    patience: Patience = field(default_factory=Patience)
    bounds: Bounds = field(default_factory=Bounds)
    pauses: list[float] = field(default_factory=list)
    shown: list[tuple[int, int | None]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "geo" / "places.mmdb"

    @property
    def source(self) -> MaxMindSource:
        return MaxMindSource(
            self.file, self.download, lambda came, whole: self.shown.append((came, whole))
        )

    def download(self) -> Download:
        return Download(
            self.url or self.server.archive_url,
            Credentials(123_456, Secret(KEY.encode())),
            httpx2.AsyncHTTPTransport(),
            self.patience,
            self.bounds,
            self._pause,
        )

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def refused(self) -> str:
        """Nothing came, and nothing is left behind; why."""
        before = self.file.read_bytes() if self.file.exists() else None
        with pytest.raises(FetchFailed) as caught:
            await self.source.fetch()
        assert (self.file.read_bytes() if self.file.exists() else None) == before
        assert self.remains() == []
        told = str(caught.value)
        assert KEY not in told
        assert BASIC not in told
        assert caught.value.__context__ is None or caught.value.__suppress_context__
        return told

    def remains(self) -> list[str]:
        """What lies beside the database, but for what belongs there."""
        ours = {self.file.name, f"{self.file.name}.lock", f"{self.file.name}.notes"}
        return [file.name for file in self.file.parent.iterdir() if file.name not in ours]


@pytest.fixture
async def server() -> AsyncIterator[ArchiveServer]:
    async with archive_server() as running:
        yield running


@pytest.fixture
def fetching(server: ArchiveServer, tmp_path: Path) -> Fetching:
    return Fetching(server, tmp_path)


class TestANewDatabase:
    async def test_is_put_in_its_place(self, fetching: Fetching) -> None:
        assert await fetching.source.fetch() is Fetched.NEWER
        assert fetching.file.read_bytes() == CITIES
        assert fetching.remains() == []
        assert fetching.server.paths == [ARCHIVE, SUM]

    async def test_is_asked_for_with_the_account_and_its_key(self, fetching: Fetching) -> None:
        await fetching.source.fetch()
        for head in fetching.server.requests:
            assert f"authorization: basic {BASIC}".lower() in head.lower()
            assert KEY not in head

    async def test_is_shown_on_its_way(self, fetching: Fetching) -> None:
        await fetching.source.fetch()
        size = len(fetching.server.content)
        assert fetching.shown[-1] == (size, size)

    async def test_takes_the_place_of_the_former_one(self, fetching: Fetching) -> None:
        fetching.file.parent.mkdir()
        fetching.file.write_bytes(OTHER.read_bytes())
        assert await fetching.source.fetch() is Fetched.NEWER
        assert fetching.file.read_bytes() == CITIES

    async def test_is_for_other_users_of_the_machine_to_read(self, fetching: Fetching) -> None:
        mask = os.umask(0o077)
        try:
            await fetching.source.fetch()
        finally:
            os.umask(mask)
        assert fetching.file.stat().st_mode & 0o777 == 0o644

    async def test_is_taken_as_it_is_whatever_its_packing_is_called(
        self, fetching: Fetching
    ) -> None:
        """Storage services tell of a ``.gz`` as of an encoding."""
        headers = f"Content-Encoding: gzip\r\nLast-Modified: {MODIFIED}\r\n"
        fetching.server.answers[ARCHIVE] = [
            lambda _: http(fetching.server.content, headers=headers)
        ]
        assert await fetching.source.fetch() is Fetched.NEWER
        assert fetching.file.read_bytes() == CITIES


class TestADatabaseThatIsNewEnough:
    async def test_is_not_sent_again(self, fetching: Fetching) -> None:
        await fetching.source.fetch()
        assert await fetching.source.fetch() is Fetched.SAME
        assert f"if-modified-since: {MODIFIED}".lower() in fetching.server.requests[-1].lower()

    async def test_is_sent_when_the_one_here_is_gone_or_broken(self, fetching: Fetching) -> None:
        await fetching.source.fetch()
        fetching.file.write_bytes(CITIES[:-500])
        assert await fetching.source.fetch() is Fetched.NEWER
        fetching.file.unlink()
        assert await fetching.source.fetch() is Fetched.NEWER

    async def test_is_sent_when_it_comes_from_elsewhere(self, fetching: Fetching) -> None:
        await fetching.source.fetch()
        fetching.url = f"{fetching.server.url}/GeoIP2-City.tar.gz"
        assert await fetching.source.fetch() is Fetched.NEWER

    async def test_is_not_believed_in_unasked(self, fetching: Fetching) -> None:
        fetching.server.answers[ARCHIVE] = [refusing("304 Not Modified")]
        assert "304" in await fetching.refused()


class TestAServerInTrouble:
    @pytest.mark.parametrize("status", ["500 Oops", "503 Later", "429 Too Many Requests"])
    async def test_is_asked_again_after_a_while(self, fetching: Fetching, status: str) -> None:
        fetching.server.answers[ARCHIVE] = [refusing(status)] * 2
        fetching.server.answers[SUM] = [refusing(status)]
        assert await fetching.source.fetch() is Fetched.NEWER
        assert fetching.pauses == [2, 10, 2]

    async def test_is_given_up_after_some_tries(self, fetching: Fetching) -> None:
        fetching.server.answers[ARCHIVE] = [refusing("503 Later")] * 9
        assert await fetching.refused() == "The server answers 503. Try again later."
        assert fetching.pauses == [2, 10, 60]

    async def test_says_when_to_come_back(self, fetching: Fetching) -> None:
        fetching.server.answers[ARCHIVE] = [refusing("429 Slower", "Retry-After: 7\r\n")]
        assert await fetching.source.fetch() is Fetched.NEWER
        assert fetching.pauses == [7]

    async def test_is_not_waited_for_all_day(self, fetching: Fetching) -> None:
        """MaxMind counts downloads by the day."""
        fetching.server.answers[ARCHIVE] = [refusing("429 Enough", "Retry-After: 86400\r\n")]
        assert "429" in await fetching.refused()
        assert fetching.pauses == []

    async def test_that_cuts_off_is_asked_for_all_of_it_again(self, fetching: Fetching) -> None:
        content = fetching.server.content
        fetching.server.answers[ARCHIVE] = [cut_off(content, len(content) // 2)]
        assert await fetching.source.fetch() is Fetched.NEWER
        assert fetching.file.read_bytes() == CITIES

    async def test_that_cuts_off_leaves_nothing_of_what_it_sent(self, fetching: Fetching) -> None:
        longer = fetching.server.content + b"more"
        fetching.server.answers[ARCHIVE] = [cut_off(longer + b"and more", len(longer))]
        target, download = io.BytesIO(), fetching.download()
        await download.fetch(target, unseen)
        await download.connections.aclose()
        assert target.getvalue() == fetching.server.content

    async def test_that_cuts_off_each_time_changes_nothing(self, fetching: Fetching) -> None:
        fetching.server.answers[ARCHIVE] = [cut_off(fetching.server.content, 100)] * 4
        assert "broke off" in await fetching.refused()

    async def test_that_is_not_there_is_tried_and_told_of(self, fetching: Fetching) -> None:
        fetching.url = "http://127.0.0.1:1/city.tar.gz"
        assert "cannot be made" in await fetching.refused()
        assert fetching.pauses == [2, 10, 60]

    async def test_that_falls_silent_is_left(self, fetching: Fetching) -> None:
        fetching.patience = Patience(silence=0.05, waits=())
        fetching.server.answers[ARCHIVE] = [silent]
        assert "in time" in await fetching.refused()

    async def test_that_would_take_for_ever_is_left(self, fetching: Fetching) -> None:
        fetching.patience = Patience(whole=0.1)
        fetching.server.answers[ARCHIVE] = [silent]
        assert "too long" in await fetching.refused()


class TestCredentials:
    @pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
    async def test_that_are_refused_are_not_tried_again(
        self, fetching: Fetching, status: str
    ) -> None:
        fetching.server.answers[ARCHIVE] = [refusing(status)]
        with pytest.raises(FetchRefused, match="WATCHWORD_MAXMIND_LICENSE_KEY") as caught:
            await fetching.source.fetch()
        assert KEY not in str(caught.value)
        assert (len(fetching.server.requests), fetching.pauses) == (1, [])

    async def test_go_to_no_other_host(self, fetching: Fetching) -> None:
        async with archive_server() as elsewhere:
            moved = refusing("302 Found", f"Location: {elsewhere.url}/signed?sig=abc\r\n")
            fetching.server.answers[ARCHIVE] = [moved]
            assert await fetching.source.fetch() is Fetched.NEWER
            (head,) = elsewhere.requests
            assert head.startswith("GET /signed?sig=abc ")
            assert "authorization" not in head.lower()
            assert KEY not in head

    def test_are_in_no_repr(self, fetching: Fetching) -> None:
        for thing in (fetching.download(), fetching.download().credentials, fetching.source):
            assert KEY not in repr(thing)
            assert BASIC not in repr(thing)

    async def test_are_in_no_log_line(
        self, fetching: Fetching, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        fetching.server.answers[ARCHIVE] = [refusing("503 Later"), refusing("401 Unauthorized")]
        await fetching.refused()
        assert KEY not in caplog.text
        assert BASIC not in caplog.text


class TestARedirect:
    @pytest.mark.parametrize("target", ["http://192.0.2.1/a", "ftp://127.0.0.1/a", "file:///a", ""])
    async def test_o12_to_where_it_should_not_go_is_not_followed(
        self, fetching: Fetching, target: str
    ) -> None:
        fetching.server.answers[ARCHIVE] = [refusing("302 Found", f"Location: {target}\r\n")] * 9
        told = await fetching.refused()
        assert told in {
            "The server sends us where nothing is encrypted.",
            "The server sends us round in circles.",
        }

    @pytest.mark.parametrize(
        "target",
        [
            *("http://[", "http://127.0.0.1:x/s", "https:///s"),
            *("https://[::1/s", f"https://a/{'s' * 70_000}"),
            *("https://a\x01b/s", "https://\u2100.example/s"),
        ],
    )
    async def test_o12_to_no_address_at_all_is_a_failure_like_others(
        self, fetching: Fetching, target: str
    ) -> None:
        """Another exception would not put the next try off, nor be told of without a trace."""
        fetching.server.answers[ARCHIVE] = [refusing("302 Found", f"Location: {target}\r\n")] * 9
        assert await fetching.refused() == "The server sends us to what is no address."

    async def test_may_be_relative(self, fetching: Fetching) -> None:
        fetching.server.answers[ARCHIVE] = [refusing("307 Moved", "Location: /elsewhere\r\n")]
        assert await fetching.source.fetch() is Fetched.NEWER
        assert fetching.server.paths == [ARCHIVE, "/elsewhere", SUM]


class TestWhatIsNotWhatItShouldBe:
    async def test_has_another_sum(self, fetching: Fetching) -> None:
        fetching.server.digest = "0" * 64
        assert "(SHA-256)" in await fetching.refused()

    @pytest.mark.parametrize("told", [b"", b"<html>" + b"0" * 64, b"0" * 63, b"0" * 4_000])
    async def test_has_no_sum(self, fetching: Fetching, told: bytes) -> None:
        fetching.server.answers[SUM] = [lambda _: http(told)]
        assert "publishes no SHA-256" in await fetching.refused()

    async def test_is_larger_than_allowed(self, fetching: Fetching) -> None:
        fetching.bounds = Bounds(archive=len(fetching.server.content) - 1)
        assert "larger than any such" in await fetching.refused()

    async def test_o12_unpacks_to_more_than_allowed(self, fetching: Fetching) -> None:
        fetching.bounds = Bounds(unpacked=10_000)
        assert "larger than any such" in await fetching.refused()

    async def test_o12_leads_out_of_its_archive(self, fetching: Fetching) -> None:
        fetching.server.content = archive(plain("../../../places.mmdb", CITIES))
        assert "leads out of it" in await fetching.refused()
        assert [path.name for path in fetching.folder.iterdir()] == ["geo"]

    async def test_is_compressed_once_more(self, fetching: Fetching) -> None:
        answer = http(gzip.compress(fetching.server.content), headers="Content-Encoding: gzip\r\n")
        fetching.server.answers[ARCHIVE] = [lambda _: answer]
        assert "(SHA-256)" in await fetching.refused()

    async def test_is_no_sound_database(self, fetching: Fetching) -> None:
        fetching.file.parent.mkdir()
        fetching.file.write_bytes(CITIES)
        fetching.server.content = offered(b"no database")
        told = await fetching.refused()
        assert told.startswith("What came cannot be used: ")
        assert told.endswith(" is no sound MaxMind database.")

    async def test_is_not_there(self, fetching: Fetching) -> None:
        fetching.server.answers[ARCHIVE] = [refusing("404 Not Found")]
        assert "404: check WATCHWORD_GEO_DOWNLOAD_URL" in await fetching.refused()


class TestAnInterruption:
    async def test_leaves_nothing_behind(self, fetching: Fetching) -> None:
        half = len(fetching.server.content) // 2
        began = asyncio.Event()
        fetching.server.answers[ARCHIVE] = [hanging(fetching.server.content, half, began.set)]
        going = asyncio.ensure_future(fetching.source.fetch())
        await began.wait()
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        assert not fetching.file.exists()
        assert fetching.remains() == []
        assert await fetching.source.fetch() is Fetched.NEWER

    async def test_by_force_leaves_what_the_next_turn_removes(self, fetching: Fetching) -> None:
        fetching.file.parent.mkdir()
        (fetching.file.parent / "places.mmdb.draft").write_bytes(b"half")
        fetching.server.answers[ARCHIVE] = [refusing("401 Unauthorized")]
        await fetching.refused()


class TestTwoProcesses:
    async def test_do_not_fetch_at_the_same_time(self, fetching: Fetching) -> None:
        began = asyncio.Event()
        fetching.server.answers[ARCHIVE] = [hanging(fetching.server.content, 100, began.set)]
        first = asyncio.ensure_future(fetching.source.fetch())
        await began.wait()
        assert await fetching.source.fetch() is Fetched.ELSEWHERE
        assert len(fetching.server.requests) == 1
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert await fetching.source.fetch() is Fetched.NEWER

    async def test_know_together_when_to_ask_again(self, fetching: Fetching) -> None:
        assert await fetching.source.due_at() == 0
        await fetching.source.postpone(7 * DAY)
        assert await fetching.source.due_at() == 7 * DAY
        await fetching.source.fetch()
        assert await fetching.source.due_at() == 7 * DAY
        assert await fetching.source.fetch() is Fetched.SAME

    async def test_ask_when_the_notes_cannot_be_read(self, fetching: Fetching) -> None:
        await fetching.source.postpone(7 * DAY)
        (fetching.file.parent / "places.mmdb.notes").write_text('{"due": "soon"}')
        assert await fetching.source.due_at() == 0


class TestAFolder:
    async def test_that_cannot_be_written_is_told_of(self, fetching: Fetching) -> None:
        (fetching.folder / "geo").write_text("a file in its place")
        with pytest.raises(FetchFailed, match="cannot be written"):
            await fetching.source.fetch()
