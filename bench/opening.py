"""Opens sessions as a sign-in does, with the code of a sign-in, but without the hashing."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bench.load import USER_AGENT
from bench.stores import Home
from watchword.bootstrap import Core, open_core
from watchword.domain.accounts import EmailAddress
from watchword.domain.devices import Origin
from watchword.domain.risk import NOTHING
from watchword.domain.sessions import Transport
from watchword.flows.sign_in import Arrival
from watchword.ports import RequestTrace
from watchword.settings import Settings

_PIECE: Final = 1_000  # in one transaction
_ARRIVAL: Final = Arrival(
    transport=Transport.BODY,
    origin=Origin("127.0.0.1", USER_AGENT),
    trace=RequestTrace(ip="127.0.0.1", user_agent=USER_AGENT),
)


@dataclass(frozen=True, slots=True)
class Opened:
    email: str
    session_id: str
    refresh_token: str


def open_sessions(home: Home, emails: Sequence[str]) -> list[Opened]:
    """In the installation at ``home``, one for each of ``emails``, in this order."""
    settings = Settings.load(home.settings, directory=home.folder)
    return asyncio.run(_open_all(settings, emails))


async def _open_all(settings: Settings, emails: Sequence[str]) -> list[Opened]:
    core = await open_core(settings)
    try:
        await core.prepare()
        return [one for piece in _pieces(emails) for one in await _open(core, piece)]
    finally:
        await core.close()


async def _open(core: Core, emails: Sequence[str]) -> list[Opened]:
    opener, opened = core.services.sign_in.second.opener, []
    async with core.store.transaction() as unit:
        for email in emails:
            account = await unit.accounts.find_by_address(EmailAddress.parse(email))
            assert account is not None, email
            grant = await opener.open(
                unit,
                account,
                _ARRIVAL,
                amr=("pwd",),
                proven=account.password_hash,
                judged=NOTHING,
            )
            opened.append(Opened(email, grant.session.id, grant.held))
    return opened


def _pieces(emails: Sequence[str]) -> Iterator[Sequence[str]]:
    return (emails[at : at + _PIECE] for at in range(0, len(emails), _PIECE))
