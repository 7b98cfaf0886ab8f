"""Accounts, as an operator lists, moves, disables and enables them."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import click
import msgspec

from watchword.bootstrap import Core
from watchword.cli.exporting import FORMATS, export
from watchword.cli.running import get_account, run, trace_of
from watchword.cli.terminal import count_of, examples, note, show_json, show_table
from watchword.domain.accounts import Account, Status
from watchword.ports import AccountQuery, PageRequest, RequestTrace
from watchword.web.shapes import ManagedUserShape, managed_user_shape
from watchword.web.tables import Format, each_page

_MOST_ON_A_PAGE = 200


class UserLine(ManagedUserShape, frozen=True):
    """A user with what only their owner's next home may know."""

    password_hash: str | None


@click.command(
    "list",
    epilog=examples(
        "watchword users list",
        "watchword users list --role admin --status active",
        "watchword users list --q example.com --limit 10 --json | jq -r '.users[].email'",
    ),
)
@click.option("--role", metavar="ROLE", help="Only this role.")
@click.option(
    "--status", type=click.Choice([status.value for status in Status]), help="Only this status."
)
@click.option("--q", "text", metavar="TEXT", help="Only with this text in address or name.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_users(
    *, role: str | None, status: str | None, text: str | None, limit: int, as_json: bool
) -> None:
    """List accounts, newest first."""
    query = AccountQuery(role, Status(status) if status else None, text or None)
    accounts, more = run(lambda core: _list(core, query, limit))
    if as_json:
        show_json({"users": list(map(managed_user_shape, accounts)), "more": more})
        return
    shown = map(managed_user_shape, accounts)
    rows = [(one.id, one.role, one.status, one.created_at, one.email, one.name) for one in shown]
    show_table(("ID", "ROLE", "STATUS", "CREATED", "EMAIL", "NAME"), rows)
    if more:
        note(f"There are more: --limit {limit * 10} or --q TEXT shows others.")


async def _list(core: Core, query: AccountQuery, limit: int) -> tuple[list[Account], bool]:
    found: list[Account] = []
    following: str | None = None
    while len(found) < limit:
        request = PageRequest(min(limit - len(found), _MOST_ON_A_PAGE), following)
        page = await core.services.users.list_accounts(query, request)
        found += page.rows
        following = page.following
        if following is None:
            break
    return found, following is not None


@click.command(
    "export",
    epilog=examples(
        "watchword users export > users.ndjson",
        "watchword users export --format csv -o users.csv",
        "watchword users export --with-hashes -o moving.ndjson",
    ),
)
@click.option("--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
@click.option("--with-hashes", is_flag=True, help="Password hashes too: keep such a file secret.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file to write to.")
def export_users(*, form: str, with_hashes: bool, output: Path | None) -> None:
    """Write out every account, newest first.

    The form is the one that `users import` reads. A file gets mode 0600. A cell of a CSV file that
    a spreadsheet would take for a formula has an apostrophe before it, which `users import` takes
    away again.
    """
    kind = UserLine if with_hashes else ManagedUserShape
    count = run(
        lambda core: export(
            _users(core, with_hashes=with_hashes), kind, form=Format(form), output=output
        )
    )
    if output is not None:
        note(f"{count_of(count, 'account')} written to {output}.")


async def _users(core: Core, *, with_hashes: bool) -> AsyncIterator[Sequence[ManagedUserShape]]:
    directory = core.store.reading.directory
    write = _with_hash if with_hashes else managed_user_shape
    async for accounts in each_page(partial(directory.list_accounts, AccountQuery())):
        yield [write(account) for account in accounts]


def _with_hash(account: Account) -> UserLine:
    fields = msgspec.structs.asdict(managed_user_shape(account))
    return UserLine(**fields, password_hash=account.password_hash)


@click.command(epilog=examples("watchword users disable ada@example.com"))
@click.argument("email", metavar="EMAIL|ID")
@click.pass_context
def disable(context: click.Context, *, email: str) -> None:
    """Disable an account and end its sessions.

    Every running server refuses its tokens on the very next request.
    """
    _change(context, email, Status.DISABLED)
    click.echo(f"{email} is disabled, and every session of it has ended.")


@click.command(epilog=examples("watchword users enable ada@example.com"))
@click.argument("email", metavar="EMAIL|ID")
@click.pass_context
def enable(context: click.Context, *, email: str) -> None:
    """Let a disabled account sign in again."""
    _change(context, email, Status.ACTIVE)
    click.echo(f"{email} is active.")


def _change(context: click.Context, who: str, status: Status) -> None:
    trace = trace_of(context)
    run(lambda core: _change_status(core, who, status, trace=trace))


async def _change_status(core: Core, who: str, status: Status, *, trace: RequestTrace) -> None:
    account = await get_account(core, who)
    await core.services.users.change_status(None, account.id, status, trace)


@click.command("reset-mfa", epilog=examples("watchword users reset-mfa ada@example.com"))
@click.argument("email", metavar="EMAIL|ID")
@click.pass_context
def reset_mfa(context: click.Context, *, email: str) -> None:
    """Remove the second factor of somebody who has lost it.

    Make sure who is asking, by a way that no mail can stand for. Their password stays, the audit
    log keeps it, and a mail tells the owner.
    """
    trace = trace_of(context)
    run(lambda core: _reset_mfa(core, email, trace))
    click.echo(f"{email} has no second factor any more.")


async def _reset_mfa(core: Core, who: str, trace: RequestTrace) -> None:
    account = await get_account(core, who)
    await core.services.factors.reset(None, account.id, trace)
