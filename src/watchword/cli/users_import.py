"""`users import`: a file is read in batches, each of which is checked, added and noted down."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, cast

import click
import msgspec

from watchword.adapters.argon2 import is_supported
from watchword.bootstrap import Core
from watchword.cli.records import Form, Line, Records, Unreadable, form_of
from watchword.cli.resuming import Notebook, Progress
from watchword.cli.running import run, trace_of
from watchword.cli.terminal import count_of, examples, fail, note, show_json
from watchword.domain.errors import Invalid
from watchword.domain.roles import ADMIN
from watchword.flows.importing import Importing, Newcomer
from watchword.ports import RequestTrace

SKIPPED_SOME: Final = 3  # exit code

_BATCH: Final = 1_000
_TOLD: Final = 20  # bad lines on the terminal; --errors tells all
_LINES_PER_NEWS: Final = 100_000


@click.command(
    "import",
    epilog=examples(
        "watchword users import users.ndjson --dry-run",
        "watchword users import users.csv --errors bad.ndjson",
        "zcat users.ndjson.gz | watchword users import - --format ndjson",
    ),
)
@click.argument(
    "source", metavar="FILE", type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Form]),
    default=Form.AUTO.value,
    show_default=True,
)
@click.option("--dry-run", is_flag=True, help="Check each line, change nothing.")
@click.option(
    "--errors", type=click.Path(path_type=Path, dir_okay=False), help="List every bad line there."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def import_users(
    context: click.Context,
    *,
    source: str,
    form: str,
    dry_run: bool,
    errors: Path | None,
    as_json: bool,
) -> None:
    """Bring accounts over from another system.

    Each line of FILE (or of standard input, with -) is an account: email, and any of name, role,
    status, passwordHash, emailVerified; as JSON objects, or as CSV with these columns. Passwords
    go on working: Argon2, bcrypt, scrypt and PBKDF2 hashes are read, and replaced at the next
    sign-in. An address that has an account is passed over.

    A bad line is told by its number and left out, whole; the exit code is then 3. After a crash
    the same command goes on where it was.
    """
    wanted = _Wanted(Path(source), Form(form), errors, dry_run=dry_run)
    try:
        progress = run(lambda core: _import(core, wanted, trace_of(context)))
    except KeyboardInterrupt:
        raise fail("Stopped. The same command goes on where it was.") from None
    if as_json:
        counts = (progress.imported, progress.existing, progress.bad, progress.admins)
        show_json(dict(zip(("imported", "existing", "skipped", "admins"), counts, strict=True)))
    else:
        click.echo(_summary(progress, dry_run=dry_run))
    if progress.bad:
        sys.exit(SKIPPED_SOME)


@dataclass(frozen=True, slots=True)
class _Wanted:
    source: Path
    form: Form
    errors: Path | None
    dry_run: bool

    @property
    def is_resumable(self) -> bool:
        return self.source.is_file() and not self.dry_run


def _summary(progress: Progress, *, dry_run: bool) -> str:
    verb = "would be imported" if dry_run else "imported"
    admins = f" ({count_of(progress.admins, 'administrator')})" if progress.admins else ""
    parts = [
        f"{count_of(progress.imported, 'account')} {verb}{admins}",
        f"{progress.existing:,} existed already",
        f"{count_of(progress.bad, 'line')} skipped",
    ]
    return ", ".join(parts) + "."


async def _import(core: Core, wanted: _Wanted, trace: RequestTrace) -> Progress:
    importing = Importing(
        store=core.store,
        roles=core.settings.roles,
        can_verify=is_supported,
        clock=core.services.clock,
        randomness=core.services.grants.randomness,
    )
    with ExitStack() as stack:
        file = stack.enter_context(_open(wanted.source))
        notebook = None
        if wanted.is_resumable:
            notebook = Notebook(core.settings.data_dir, wanted.source, core.settings.database_path)
        progress = await _where_it_was(core, notebook)
        records = _records(file, wanted, progress)
        report = stack.enter_context(_Report.opened(wanted.errors, progress))
        show = stack.enter_context(_shown(wanted.source, progress))
        lines = iter(records)
        while batch := list(islice(lines, _BATCH)):
            newcomers = _check(importing, batch, report)
            await _add(importing, newcomers, progress, None if wanted.dry_run else trace)
            progress.offset, progress.line = batch[-1].end, batch[-1].number
            report.flush()
            if notebook is not None:
                notebook.write(progress)
            show()
        report.end()
        if notebook is not None:
            notebook.close()
    return progress


async def _where_it_was(core: Core, notebook: Notebook | None) -> Progress:
    """From the beginning when the database is not the one of the note: restored, or begun anew."""
    progress = notebook.read() if notebook is not None else None
    if progress is None or progress.last is None:
        return Progress()
    if await core.store.reading.accounts.find(progress.last) is None:
        return Progress()
    note(f"Going on after line {progress.line:,}.")
    return progress


async def _add(
    importing: Importing, newcomers: list[Newcomer], progress: Progress, trace: RequestTrace | None
) -> None:
    """Without a trace nothing is changed."""
    if trace is None:
        added = await importing.rehearse(newcomers)
    else:
        added = await importing.add(newcomers, trace)
    progress.imported += len(added.imported)
    progress.existing += added.existing
    progress.last = added.last or progress.last
    progress.admins += sum(newcomer.role == ADMIN for newcomer in added.imported)


def _check(importing: Importing, batch: list[Line], report: "_Report") -> list[Newcomer]:
    fit = []
    for line in batch:
        if isinstance(line.content, Unreadable):
            report.add(line.number, line.content.reason)
            continue
        try:
            fit.append(importing.check(line.content))
        except Invalid as refusal:
            (error,) = refusal.errors
            report.add(line.number, f"{error.field}: {error.message}")
    return fit


def _records(file: BinaryIO, wanted: _Wanted, progress: Progress) -> Records:
    form = wanted.form
    if form is Form.AUTO:
        peek = getattr(file, "peek", None)
        form = form_of(wanted.source, peek(64) if peek is not None else b"")
    records = Records(file, form)
    if progress.offset:
        records.skip_to(progress.line, progress.offset)
    return records


def _open(source: Path) -> BinaryIO:
    if str(source) == "-":
        return sys.stdin.buffer
    return source.open("rb")


class _Report:
    """Bad lines: the first on the terminal, all of them in a file when one is wanted."""

    def __init__(self, file: BinaryIO | None, progress: Progress) -> None:
        self._file = file
        self._progress = progress

    @classmethod
    @contextmanager
    def opened(cls, path: Path | None, progress: Progress) -> "Iterator[_Report]":
        """What was written after the last commit that is known is written again."""
        if path is None:
            yield cls(None, progress)
            return
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            file.truncate(progress.reported)
            file.seek(0, os.SEEK_END)
            yield cls(cast("BinaryIO", file), progress)

    def add(self, number: int, reason: str) -> None:
        self._progress.bad += 1
        if self._progress.bad <= _TOLD:
            note(f"Line {number:,}: {reason}")
        if self._file is not None:
            line = msgspec.json.encode({"line": number, "reason": reason}) + b"\n"
            self._progress.reported += self._file.write(line)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def end(self) -> None:
        hidden = self._progress.bad - _TOLD
        if hidden > 0 and self._file is None:
            note(f"… and {count_of(hidden, 'line')} more: --errors FILE lists them all.")


@contextmanager
def _shown(source: Path, progress: Progress) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, else a line every now and then."""
    if sys.stderr.isatty() and source.is_file():
        with _bar(source.stat().st_size, progress) as show:
            yield show
        return
    told = progress.line // _LINES_PER_NEWS

    def tell() -> None:
        nonlocal told
        if progress.line // _LINES_PER_NEWS > told:
            told = progress.line // _LINES_PER_NEWS
            note(f"{progress.line:,} lines read, {progress.imported:,} accounts imported.")

    yield tell


@contextmanager
def _bar(size: int, progress: Progress) -> Iterator[Callable[[], None]]:
    from rich.console import Console  # lazy: a script never sees the bar
    from rich.progress import Progress as Bar  # lazy: as above

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Importing", total=size, completed=progress.offset)
        yield lambda: bar.update(
            task, completed=progress.offset, description=f"{progress.imported:,} imported"
        )
