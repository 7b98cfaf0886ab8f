"""The first administrator, and those after."""

import sys

import click

from watchword.bootstrap import Core
from watchword.cli.running import run, trace_of
from watchword.cli.setup_link import show_setup_link
from watchword.cli.terminal import examples, fail
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.roles import ADMIN
from watchword.ports import RequestTrace


@click.command(
    epilog=examples(
        "watchword admin create --email ada@example.com",
        "watchword admin create --email ada@example.com < password.txt",
        "watchword admin create --email ada@example.com --promote",
        "watchword admin create --link",
    )
)
@click.option("--email", metavar="ADDRESS", help="Whose account it will be.")
@click.option("--link", is_flag=True, help="Print a one-time link instead of asking for anything.")
@click.option("--promote", is_flag=True, help="Make an account that exists an administrator.")
@click.pass_context
def create(context: click.Context, *, email: str | None, link: bool, promote: bool) -> None:
    """Make an administrator, or a link that makes one.

    The password is asked for twice, or read from standard input (one line, or the same line
    twice). With --link, whoever opens the link within an hour chooses address and password; it
    works as long as there is no administrator.
    """
    trace = trace_of(context)
    if link and not promote:
        run(lambda core: _make_link(core, email, trace))
        return
    if email is None or link:
        raise click.UsageError("Give --email ADDRESS, with --promote or without, or --link.")
    account = run(lambda core: _find(core, email))
    if promote:
        run(lambda core: _promote(core, account, email, trace))
        click.echo(f"{email} is an administrator now.")
        return
    if account is not None:
        raise fail(f"{email} has an account: add --promote to make it an administrator.")
    password = _ask_password()
    run(lambda core: core.services.registration.make_admin(email, password, trace))
    click.echo(f"{email} is an administrator and can sign in.")


async def _find(core: Core, email: str) -> Account | None:
    return await core.store.reading.accounts.find_by_address(EmailAddress.parse(email))


async def _promote(core: Core, account: Account | None, email: str, trace: RequestTrace) -> None:
    if account is None:
        raise fail(f"{email} has no account: leave --promote out to make one.")
    if not account.is_active:
        raise fail(f"{email} is disabled: run `watchword users enable {email}` first.")
    await core.services.users.change_role(None, account.id, ADMIN, trace)


async def _make_link(core: Core, email: str | None, trace: RequestTrace) -> None:
    setup = core.services.setup
    if not await setup.needs_admin():
        raise fail(
            "There is an administrator, so a set-up link would not work: use"
            " `watchword admin create --email ADDRESS`."
        )
    token = await setup.make_link(trace)
    show_setup_link(token, core.settings, served_at=core.settings.public_url, email=email)


def _ask_password() -> str:
    given = sys.stdin
    if given.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt="The same again"))
    lines = given.read().splitlines()
    if len(lines) not in {1, 2} or len(set(lines)) != 1:
        raise fail("Write the password to standard input: on one line, or the same on two lines.")
    return lines[0]
