"""A command runs a piece of work on an open core, beside whatever server is running, and ends.

Invariant: what a command can do is what a flow can do; the operator's word stands in the place of
a caller.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from watchword.adapters.argon2 import Argon2Parameters
from watchword.bootstrap import Core, open_core
from watchword.cli.terminal import fail
from watchword.domain.accounts import Account, EmailAddress
from watchword.ports import RequestTrace
from watchword.settings import Settings, SettingsError

Result = TypeVar("Result")


def load_settings() -> Settings:
    """Raise an error that names everything that is wrong with them."""
    try:
        settings = Settings.load()
        Argon2Parameters.parse(settings.password_hash)
    except SettingsError as error:
        raise fail(str(error)) from None
    except ValueError as error:
        raise fail(f"WATCHWORD_PASSWORD_HASH: {error}") from None
    return settings


def run(work: Callable[[Core], Awaitable[Result]]) -> Result:
    """The result of ``work`` on the database of the settings, which is migrated if need be."""
    settings = load_settings()
    require_folder(settings.data_dir)
    return asyncio.run(_run(settings, work))


async def _run(settings: Settings, work: Callable[[Core], Awaitable[Result]]) -> Result:
    core = await open_core(settings)
    try:
        return await work(core)
    finally:
        await core.close()


def require_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise fail(
            f"{path} cannot be the data directory ({error.strerror}): name a folder that this user"
            " may write to with WATCHWORD_DATA_DIR."
        ) from None


def trace_of(context: click.Context) -> RequestTrace:
    """How the audit log tells a command from a request."""
    return RequestTrace(user_agent=f"command: {context.command_path}")


async def get_account(core: Core, who: str) -> Account:
    """By address or id. Raise an error when there is none."""
    accounts = core.store.reading.accounts
    if "@" in who:
        account = await accounts.find_by_address(EmailAddress.parse(who))
    else:
        account = await accounts.find(who)
    if account is None:
        raise fail(f"There is no account {who!r}: `watchword users list` shows those there are.")
    return account
