"""The audit log, for those who keep or search it elsewhere."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from watchword.bootstrap import Core
from watchword.cli.exporting import FORMATS
from watchword.cli.exporting import export as write_export
from watchword.cli.running import get_account, run
from watchword.cli.terminal import count_of, examples, note
from watchword.domain.events import all_types
from watchword.domain.time import SECOND, Instant
from watchword.ports import AuditQuery
from watchword.web.shapes import EventShape, event_shape
from watchword.web.tables import Format, each_page


class Moment(click.ParamType[Instant]):
    """A day or a moment; without an offset it is UTC."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Instant:
        try:
            moment = datetime.fromisoformat(str(value))
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return int(aware.timestamp()) * SECOND
        except (ValueError, OverflowError):
            advice = "Write a day or a time, such as 2026-11-20 or 2026-11-20T12:00:00Z."
            self.fail(advice, param, ctx)


@click.command(
    epilog=examples(
        "watchword audit export > audit.ndjson",
        "watchword audit export --from 2026-11-01 --to 2026-12-01 --format csv -o november.csv",
        "watchword audit export --type session.sign_in_failed --user ada@example.com",
    )
)
@click.option("--from", "since", type=Moment(), help="Not before this day or moment (UTC).")
@click.option("--to", "until", type=Moment(), help="Before this day or moment (UTC).")
@click.option("--type", "kind", type=click.Choice(all_types()), metavar="TYPE", help="One type.")
@click.option("--user", metavar="EMAIL|ID", help="What this user did, or what was done to them.")
@click.option("--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file to write to.")
def export(
    *,
    since: Instant | None,
    until: Instant | None,
    kind: str | None,
    user: str | None,
    form: str,
    output: Path | None,
) -> None:
    """Write out the audit log, newest first.

    A cell of a CSV file that a spreadsheet would take for a formula has an apostrophe before it.
    """

    async def work(core: Core) -> int:
        who = (await get_account(core, user)).id if user and "@" in user else user
        query = AuditQuery(user=who, type=kind, since=since, until=until)
        return await write_export(
            _events(core, query), EventShape, form=Format(form), output=output
        )

    count = run(work)
    if output is not None:
        note(f"{count_of(count, 'event')} written to {output}.")


async def _events(core: Core, query: AuditQuery) -> AsyncIterator[Sequence[EventShape]]:
    async for records in each_page(partial(core.store.reading.audit.list_events, query)):
        yield [event_shape(record) for record in records]
