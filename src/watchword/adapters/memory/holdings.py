"""What is kept of one person, page by page, on dicts."""

from collections.abc import Iterable
from typing import TypeVar

from watchword.adapters.memory.tables import Place
from watchword.domain.accounts import Account
from watchword.domain.letters import Letter
from watchword.domain.sessions import Session
from watchword.ports import KnownDevice, OpenLink, Page, PageRequest, WaitingLetter

Row = TypeVar("Row")


class MemoryHoldings:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def list_sessions(self, user_id: str, page: PageRequest) -> Page[Session]:
        sessions = self._place.tables.sessions
        own = sorted((id_ for id_, s in sessions.items() if s.user_id == user_id), reverse=True)
        left = [id_ for id_ in own if page.after is None or id_ < page.after]
        return _page(((id_, sessions[id_]) for id_ in left), page)

    async def list_devices(self, user_id: str, page: PageRequest) -> Page[KnownDevice]:
        tables = self._place.tables
        own = sorted(device for device in tables.devices if device[0] == user_id)
        shown = (
            (
                device[1].hex(),
                KnownDevice(
                    tables.first_seen[device], tables.devices[device], tables.trusted.get(device)
                ),
            )
            for device in own
        )
        return _page(_after(shown, page), page)

    async def list_letters(self, account: Account, page: PageRequest) -> Page[WaitingLetter]:
        letters = self._place.tables.letters
        own = sorted(id_ for id_, (_, letter) in letters.items() if _is_to(letter, account))
        shown = ((id_, _waiting(*letters[id_])) for id_ in own)
        return _page(_after(shown, page), page)

    async def list_links(self, user_id: str, page: PageRequest) -> Page[OpenLink]:
        links = self._place.tables.links
        own = sorted(hash_ for hash_, link in links.items() if link.user_id == user_id)
        shown = (
            (
                hash_.hex(),
                OpenLink(links[hash_].purpose, links[hash_].created_at, links[hash_].expires_at),
            )
            for hash_ in own
        )
        return _page(_after(shown, page), page)


def _is_to(letter: Letter, account: Account) -> bool:
    if letter.user_id is not None:
        return letter.user_id == account.id
    return letter.address.lower() == account.email.key


def _waiting(due: int, letter: Letter) -> WaitingLetter:
    return WaitingLetter(letter.reason, letter.created_at, due, letter.attempts)


def _after(rows: Iterable[tuple[str, Row]], page: PageRequest) -> Iterable[tuple[str, Row]]:
    return ((key, row) for key, row in rows if page.after is None or key > page.after)


def _page(keyed: Iterable[tuple[str, Row]], page: PageRequest) -> Page[Row]:
    left = list(keyed)
    shown = left[: page.limit]
    return Page([row for _, row in shown], shown[-1][0] if len(left) > page.limit else None)
