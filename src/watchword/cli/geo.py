"""The database that says where sessions are."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import msgspec

from watchword.adapters.maxmind import Database, DatabaseUnusable, open_database
from watchword.bootstrap.places import make_source
from watchword.cli.running import load_settings, require_folder
from watchword.cli.terminal import examples, fail, show_json
from watchword.domain.places import FetchFailed
from watchword.ports import Fetched
from watchword.settings import Settings
from watchword.web.shapes import time_text

Show = Callable[[int, int | None], None]

_NO_SOURCE = (
    "Nobody has said where to fetch it from: set WATCHWORD_MAXMIND_ACCOUNT_ID and"
    " WATCHWORD_MAXMIND_LICENSE_KEY, or WATCHWORD_GEO_DOWNLOAD_URL (docs/places.md)."
)


class Updated(msgspec.Struct, frozen=True, rename="camel"):
    """``type`` is what its maker calls the database; ``changed``: it is another than before."""

    database: str
    type: str
    built_at: str
    changed: bool


@click.command(epilog=examples("watchword geo update", "watchword geo update --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def update(*, as_json: bool) -> None:
    """Fetch a newer database of places.

    A running server does it by itself, every week, and takes over what this command fetches within
    a minute. What comes is checked against the SHA-256 that the server publishes, and tried, before
    it takes the place of the one there is; until then that one stays as it is.
    """
    settings = load_settings()
    require_folder(settings.data_dir)
    try:
        with _shown() as show:
            fetched = asyncio.run(_fetch(settings, show))
    except FetchFailed as failure:
        raise fail(str(failure)) from None
    except KeyboardInterrupt:
        raise fail("Stopped. The database is as it was.") from None
    _tell(_describe(settings, changed=fetched is Fetched.NEWER), as_json=as_json)


async def _fetch(settings: Settings, show: Show) -> Fetched:
    source = make_source(settings, show)
    if source is None:
        raise fail(_NO_SOURCE)
    fetched = await source.fetch()
    if fetched is Fetched.ELSEWHERE:
        raise fail("Another process is fetching it right now.")
    return fetched


def _describe(settings: Settings, *, changed: bool) -> Updated:
    database = _opened(settings)
    return Updated(
        str(settings.geo_file), database.about.kind, time_text(database.about.built_at), changed
    )


def _opened(settings: Settings) -> Database:
    try:
        return open_database(settings.geo_file, settings.geo_dir)
    except DatabaseUnusable as refusal:
        raise fail(str(refusal)) from None


def _tell(updated: Updated, *, as_json: bool) -> None:
    if as_json:
        show_json(updated)
        return
    verb = "is now" if updated.changed else "is still"
    click.echo(f"{updated.database} {verb} {updated.type} of {updated.built_at[:10]}.")


@contextmanager
def _shown() -> Iterator[Show]:
    """A bar on a terminal, else nothing: a script waits for the end."""
    if not sys.stderr.isatty():
        yield lambda _came, _whole: None
        return
    from rich.console import Console  # lazy: a script never sees the bar
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn  # lazy: too

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Fetching", total=None)
        yield lambda came, whole: bar.update(task, completed=came, total=whole)
