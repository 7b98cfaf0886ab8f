"""`geo update`, against a server on a real socket in a thread of its own."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.maxmind.archives import CITIES, offered
from tests.adapters.maxmind.server import ARCHIVE, ArchiveServer, archive_server, hanging, refusing
from tests.cli.conftest import Operator
from watchword.cli.findings import Weight
from watchword.cli.machine import of_machine
from watchword.domain.time import DAY
from watchword.settings import Settings

KEY = "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"
BUILT = 1_770_245_369_000


@pytest.fixture
def offering(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    """Named in the settings, with an account."""
    ready, box = threading.Event(), []

    async def run() -> None:
        ended = asyncio.Event()
        async with archive_server() as server:
            box.append((asyncio.get_running_loop(), ended, server))
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(10)
    loop, ended, server = box[0]
    monkeypatch.setenv("WATCHWORD_GEO_DOWNLOAD_URL", server.archive_url)
    monkeypatch.setenv("WATCHWORD_MAXMIND_ACCOUNT_ID", "123456")
    monkeypatch.setenv("WATCHWORD_MAXMIND_LICENSE_KEY", KEY)
    yield server
    loop.call_soon_threadsafe(ended.set)
    thread.join(10)


def file_of(operator: Operator) -> Path:
    return operator.folder / "watchword-data" / "geo" / "places.mmdb"


class TestUpdate:
    def test_fetches_a_database(self, operator: Operator, offering: ArchiveServer) -> None:
        said = operator("geo", "update")
        file = file_of(operator)
        assert said.out == f"{file} is now GeoLite2-City of 2026-02-04.\n"
        assert file.read_bytes() == CITIES
        assert KEY not in said.out + said.err

    def test_says_that_there_is_no_newer_one(
        self, operator: Operator, offering: ArchiveServer
    ) -> None:
        operator("geo", "update")
        assert "is still GeoLite2-City" in operator("geo", "update").out

    def test_tells_scripts_what_came(self, operator: Operator, offering: ArchiveServer) -> None:
        assert operator("geo", "update", "--json").json == {
            "database": str(file_of(operator)),
            "type": "GeoLite2-City",
            "builtAt": "2026-02-04T22:49:29Z",
            "changed": True,
        }
        assert operator("geo", "update", "--json").json["changed"] is False

    def test_puts_it_where_the_settings_say(
        self, operator: Operator, offering: ArchiveServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_GEO_DATABASE", "elsewhere/city.mmdb")
        operator("geo", "update")
        assert (operator.folder / "elsewhere" / "city.mmdb").read_bytes() == CITIES

    def test_says_what_to_do_about_a_key_that_is_refused(
        self, operator: Operator, offering: ArchiveServer
    ) -> None:
        offering.answers[ARCHIVE] = [refusing("401 Unauthorized")]
        told = operator.refused("geo", "update")
        assert "check WATCHWORD_MAXMIND_ACCOUNT_ID" in told
        assert KEY not in told
        assert not file_of(operator).exists()

    def test_says_what_is_wrong_with_what_came(
        self, operator: Operator, offering: ArchiveServer
    ) -> None:
        offering.content = offered(b"no database")
        assert "What came cannot be used" in operator.refused("geo", "update")

    def test_says_what_to_set_when_nothing_is(self, operator: Operator) -> None:
        told = operator.refused("geo", "update")
        assert "WATCHWORD_MAXMIND_LICENSE_KEY" in told


class TestAnInterruption:
    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_leaves_the_database_as_it_was(
        self, operator: Operator, offering: ArchiveServer, how: signal.Signals
    ) -> None:
        operator("geo", "update")
        file = file_of(operator)
        before = file.stat()
        began = threading.Event()
        offering.modified = "Fri, 20 Nov 2026 16:05:11 GMT"
        offering.answers[ARCHIVE] = [hanging(offering.content, 9_000, began.set)]
        process = subprocess.Popen(
            [sys.executable, "-m", "watchword", "geo", "update"],
            cwd=operator.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert began.wait(60)
        process.send_signal(how)
        out, err = process.communicate(timeout=60)
        assert (process.returncode != 0, out) == (True, "")
        if how is signal.SIGINT:
            assert err.strip() == "Error: Stopped. The database is as it was."
        assert file.stat() == before
        beside = {path.name for path in file.parent.iterdir()}
        assert beside == {file.name, f"{file.name}.lock", f"{file.name}.notes"}
        assert "is now" in operator("geo", "update").out


class TestTheDoctor:
    def found(self, folder: Path, now: int, **settings: object) -> dict[str, Weight]:
        chosen = Settings(data_dir=folder, **settings)  # type: ignore[arg-type]
        return {
            finding.problem: finding.weight
            for finding in of_machine(chosen, now)
            if finding.subject == "WATCHWORD_GEO_DATABASE"
        }

    def test_misses_no_places_where_nobody_asked_for_them(self, tmp_path: Path) -> None:
        assert self.found(tmp_path, BUILT) == {}
        assert list(tmp_path.iterdir()) == []

    def test_hints_at_a_database_that_is_not_there(self, tmp_path: Path) -> None:
        file = tmp_path / "city.mmdb"
        ((problem, weight),) = self.found(tmp_path, BUILT, geo_database=file).items()
        assert (str(file) in problem, weight) == (True, Weight.HINT)

    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({"countries_allowed": ("DE",)}, "nobody can sign in"),
            ({"countries_blocked": ("DE",)}, "no country is blocked"),
        ],
    )
    def test_misses_places_where_countries_are_named(
        self, tmp_path: Path, settings: dict[str, object], told: str
    ) -> None:
        ((problem, weight),) = self.found(tmp_path, BUILT, **settings).items()
        assert (told in problem, weight) == (True, Weight.BROKEN)

    def test_tells_of_one_that_is_damaged(self, tmp_path: Path) -> None:
        file = tmp_path / "city.mmdb"
        file.write_bytes(CITIES[:-500])
        assert self.found(tmp_path, BUILT, geo_database=file) == {
            f"{file} is no sound MaxMind database.": Weight.BROKEN
        }

    def test_hints_at_one_that_is_old(self, tmp_path: Path) -> None:
        file = tmp_path / "city.mmdb"
        file.write_bytes(CITIES)
        assert self.found(tmp_path, BUILT + 89 * DAY, geo_database=file) == {}
        (weight,) = self.found(tmp_path, BUILT + 91 * DAY, geo_database=file).values()
        assert weight is Weight.HINT
        assert list(tmp_path.iterdir()) == [file]
