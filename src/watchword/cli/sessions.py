"""Sessions, as an operator sees and ends them. What is ended is refused on its next request."""

import asyncio
from contextlib import suppress

import click
import msgspec

from watchword.bootstrap import Core
from watchword.cli.running import get_account, run, trace_of
from watchword.cli.terminal import count_of, examples, fail, show_json, show_table
from watchword.domain.errors import NotFound
from watchword.domain.sessions import EndReason, Session
from watchword.ports import PageRequest, RequestTrace
from watchword.web.shapes import time_text

_AT_ONCE = 200  # users whose sessions are ended in one commit


class SessionLine(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    transport: str
    created_at: str
    last_seen_at: str
    idle_expires_at: str
    expires_at: str
    ip: str
    user_agent: str
    amr: tuple[str, ...]


@click.command(
    "list",
    epilog=examples(
        "watchword sessions list ada@example.com",
        "watchword sessions list --user 019b76b4dc01a3f0c2e5b18e22b9a0c4 --json",
    ),
)
@click.argument("email", required=False)
@click.option("--user", metavar="ID", help="The user's id, in place of the address.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_sessions(*, email: str | None, user: str | None, as_json: bool) -> None:
    """List the live sessions of a user, newest first."""
    who = _one_of(email, user)
    lines = [_line_of(session) for session in run(lambda core: _list(core, who))]
    if as_json:
        show_json({"sessions": lines})
        return
    rows = [
        (line.id, line.created_at, line.last_seen_at, line.ip, line.user_agent) for line in lines
    ]
    show_table(("ID", "SIGNED IN", "LAST SEEN", "ADDRESS", "USER AGENT"), rows)


@click.command(
    epilog=examples(
        "watchword sessions revoke 019b76b4dc01a3f0c2e5b18e22b9a0c4",
        "watchword sessions revoke --user ada@example.com",
        "watchword sessions revoke --all --yes",
    )
)
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--user", metavar="EMAIL|ID", help="End every session of this user.")
@click.option("--all", "everybody", is_flag=True, help="End every session there is.")
@click.option("--yes", is_flag=True, help="Do not ask, with --all.")
@click.pass_context
def revoke(
    context: click.Context, *, session_id: str | None, user: str | None, everybody: bool, yes: bool
) -> None:
    """End one session, a user's, or everybody's.

    Every running server refuses what was ended on the very next request.
    """
    if sum((session_id is not None, user is not None, everybody)) != 1:
        raise click.UsageError("Give one of: a session's ID, --user EMAIL, --all.")
    trace = trace_of(context)
    if session_id is not None:
        run(lambda core: _end_one(core, session_id, trace))
        click.echo("The session was ended.")
        return
    if user is not None:
        count = run(lambda core: _end_all_of(core, user, trace))
    else:
        if not yes:
            click.confirm("This signs everybody out. Go on?", abort=True, err=True)
        count = run(lambda core: _end_everybodys(core, trace))
    click.echo(f"{count_of(count, 'live session')} ended.")


def _one_of(email: str | None, user: str | None) -> str:
    if (email is None) == (user is None):
        raise click.UsageError("Give an address or --user ID.")
    return email or user or ""


async def _list(core: Core, who: str) -> list[Session]:
    account = await get_account(core, who)
    return list(await core.services.sessions.list_live(account.id))


def _line_of(session: Session) -> SessionLine:
    return SessionLine(
        session.id,
        session.transport.value,
        time_text(session.created_at),
        time_text(session.last_seen_at),
        time_text(session.idle_expires_at),
        time_text(session.expires_at),
        session.origin.ip,
        session.origin.user_agent,
        session.amr,
    )


async def _end_one(core: Core, session_id: str, trace: RequestTrace) -> None:
    if not await core.services.sessions.end(session_id, EndReason.REVOKED, trace):
        raise fail(
            "There is no such live session: `watchword sessions list EMAIL` shows those there are."
        )


async def _end_all_of(core: Core, user: str, trace: RequestTrace) -> int:
    account = await get_account(core, user)
    return await core.services.sessions.end_all(account.id, trace)


async def _end_everybodys(core: Core, trace: RequestTrace) -> int:
    """User by user, so that each has it in their history; the users of a page share a commit."""
    count, request = 0, PageRequest(_AT_ONCE)
    while True:
        page = await core.store.reading.directory.list_signed_in(request)
        ends = (_end_all_that_is_left(core, user_id, trace) for user_id in page.rows)
        count += sum(await asyncio.gather(*ends))
        if page.following is None:
            return count
        request = PageRequest(_AT_ONCE, page.following)


async def _end_all_that_is_left(core: Core, user_id: str, trace: RequestTrace) -> int:
    with suppress(NotFound):  # deleted since the page was read, sessions and all
        return await core.services.sessions.end_all(user_id, trace)
    return 0
