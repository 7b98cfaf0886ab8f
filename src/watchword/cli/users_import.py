"""`users import`: a file is read in batches, each of which is checked, added and noted down.

While one goes to the disk the next is read. Invariant: what is told and noted of a batch is told
and noted once all of it is committed.
"""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import click

from watchword.adapters.argon2 import is_supported
from watchword.bootstrap import Core
from watchword.bootstrap.storage import storage_of
from watchword.cli.batches import Batch, Numbered, read_batch
from watchword.cli.formats import Terms, format_of
from watchword.cli.import_news import Report, shown
from watchword.cli.records import (
    AUTO,
    CHOICES,
    Layout,
    Records,
    layout_of,
    records_of,
)
from watchword.cli.resuming import Notebook, Progress
from watchword.cli.running import run, trace_of
from watchword.cli.terminal import count_of, examples, fail, note, show_json
from watchword.domain.roles import ADMIN
from watchword.domain.time import Instant
from watchword.flows.importing import Added, Importing
from watchword.ports import RequestTrace

SKIPPED_SOME: Final = 3  # exit code


@click.command(
    "import",
    epilog=examples(
        "watchword users import users.ndjson --dry-run",
        "watchword users import users.csv --errors bad.ndjson",
        "zcat users.ndjson.gz | watchword users import - --format ndjson",
        "watchword users import users.json --format firebase --hash-config hash_config.txt",
        "watchword users import realm.json --format keycloak --dry-run",
    ),
)
@click.argument(
    "source", metavar="FILE", type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
@click.option(
    "--format",
    "form",
    type=click.Choice(CHOICES),
    default=AUTO,
    show_default=True,
    help="Where the file comes from; auto, ndjson and csv: from Watchword.",
)
@click.option(
    "--hash-config",
    metavar="FILE",
    type=click.Path(exists=True, path_type=Path, dir_okay=False),
    help="Firebase: the project's password hash parameters.",
)
@click.option(
    "--grant-admin", is_flag=True, help="Django, fastapi-users: superusers become administrators."
)
@click.option("--dry-run", is_flag=True, help="Check each line, change nothing.")
@click.option(
    "--errors", type=click.Path(path_type=Path, dir_okay=False), help="List every bad line there."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def import_users(  # noqa: PLR0913  an option each
    context: click.Context,
    *,
    source: str,
    form: str,
    hash_config: Path | None,
    grant_admin: bool,
    dry_run: bool,
    errors: Path | None,
    as_json: bool,
) -> None:
    """Bring accounts over from another system.

    Each line of FILE (or of standard input, with -) is an account: email, and any of name, role,
    status, passwordHash, emailVerified; as JSON objects, or as CSV with these columns. With
    --format, FILE is what another system exports (docs/import.md). Passwords go on working:
    Argon2, bcrypt, scrypt and PBKDF2 hashes are read, and replaced at the next sign-in. An address
    that has an account is passed over.

    A bad line is told by its number and left out, whole; the exit code is then 3. After a crash
    the same command goes on where it was.
    """
    terms = Terms(grant_admin=grant_admin, hash_config=hash_config)
    wanted = _Wanted(Path(source), form, terms, errors, dry_run=dry_run)
    try:
        done = run(lambda core: _import(core, wanted, trace_of(context)))
    except KeyboardInterrupt:
        raise fail("Stopped. The same command goes on where it was.") from None
    progress = done.progress
    if as_json:
        counts = (progress.imported, progress.existing, progress.bad, progress.admins)
        show_json(dict(zip(("imported", "existing", "skipped", "admins"), counts, strict=True)))
    else:
        click.echo(_summary(done, dry_run=dry_run))
    if progress.bad:
        sys.exit(SKIPPED_SOME)


@dataclass(frozen=True, slots=True)
class _Wanted:
    source: Path
    form: str
    terms: Terms
    errors: Path | None
    dry_run: bool

    @property
    def is_resumable(self) -> bool:
        return self.source.is_file() and not self.dry_run


@dataclass(frozen=True, slots=True)
class _Done:
    progress: Progress
    unit: str


def _summary(done: _Done, *, dry_run: bool) -> str:
    progress = done.progress
    verb = "would be imported" if dry_run else "imported"
    admins = f" ({count_of(progress.admins, 'administrator')})" if progress.admins else ""
    parts = [
        f"{count_of(progress.imported, 'account')} {verb}{admins}",
        f"{progress.existing:,} existed already",
        f"{count_of(progress.bad, done.unit)} skipped",
    ]
    return ", ".join(parts) + "."


async def _import(core: Core, wanted: _Wanted, trace: RequestTrace) -> _Done:
    importing = Importing(
        store=core.store,
        roles=core.settings.roles,
        can_verify=is_supported,
        clock=core.services.clock,
        randomness=core.services.grants.randomness,
    )
    with ExitStack() as stack:
        file = stack.enter_context(_open(wanted.source))
        layout, records = _records(file, wanted, importing.clock.now())
        notebook = _notebook(core, wanted) if wanted.is_resumable else None
        progress = await _where_it_was(core, notebook, layout)
        if progress.offset:
            records.skip_to(progress.line, progress.offset)
        report = stack.enter_context(Report.opened(wanted.errors, progress, layout.unit))
        show = stack.enter_context(shown(wanted.source, progress, layout.unit))
        lines = iter(records)
        batch = await read_batch(lines, importing.check)
        while batch is not None:
            added, following = await asyncio.gather(
                _add(importing, batch.newcomers, None if wanted.dry_run else trace),
                read_batch(lines, importing.check),
            )
            _count(added, batch, progress, report)
            report.flush()
            if notebook is not None:
                notebook.write(progress)
            show()
            batch = following
        report.end()
        if notebook is not None:
            notebook.close()
    return _Done(progress, layout.unit)


def _notebook(core: Core, wanted: _Wanted) -> Notebook:
    terms = f"{wanted.form} {wanted.terms}"
    settings = core.settings
    return Notebook(settings.data_dir, wanted.source, storage_of(settings).place, terms)


async def _where_it_was(core: Core, notebook: Notebook | None, layout: Layout) -> Progress:
    """From the beginning when the database is not the one of the note: restored, or begun anew."""
    progress = notebook.read() if notebook is not None else None
    if progress is None or progress.last is None:
        return Progress()
    if await core.store.reading.accounts.find(progress.last) is None:
        return Progress()
    note(f"Going on after {layout.unit} {progress.line:,}.")
    return progress


async def _add(
    importing: Importing, newcomers: Sequence[Numbered], trace: RequestTrace | None
) -> Added:
    """Without a trace nothing is changed."""
    people = [one.newcomer for one in newcomers]
    if trace is None:
        return await importing.rehearse(people)
    return await importing.add(people, trace)


def _count(added: Added, batch: Batch, progress: Progress, report: Report) -> None:
    for bad in batch.refused:
        report.add(bad.number, bad.reason)
    existing = set(map(id, added.existing))
    for one in batch.newcomers:
        if id(one.newcomer) in existing:
            report.add_existing(one.number)
    progress.imported += len(added.imported)
    progress.last = added.last or progress.last
    progress.admins += sum(newcomer.role == ADMIN for newcomer in added.imported)
    progress.offset, progress.line = batch.offset, batch.line


def _records(file: BinaryIO, wanted: _Wanted, now: Instant) -> tuple[Layout, Records]:
    form = format_of(wanted.form, wanted.terms, now)
    peek = getattr(file, "peek", None)
    beginning = peek(64) if peek is not None else b""
    layout = layout_of(wanted.source, beginning, wanted.form, form)
    return layout, records_of(file, layout, form)


def _open(source: Path) -> BinaryIO:
    if str(source) == "-":
        return sys.stdin.buffer
    return source.open("rb")
