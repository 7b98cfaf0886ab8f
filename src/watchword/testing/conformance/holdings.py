"""`Holdings`: all that is kept of one person, each thing once, and nothing of anybody else's."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from watchword.domain.accounts import Account
from watchword.domain.letters import Letter, Reason
from watchword.domain.links import Link, Purpose
from watchword.domain.sessions import EndReason
from watchword.domain.time import DAY, HOUR, MINUTE
from watchword.ports import (
    Holdings,
    KnownDevice,
    OpenLink,
    Page,
    PageRequest,
    Unit,
    WaitingLetter,
)
from watchword.testing.conformance.ground import (
    NOW,
    ConformingStore,
    Promises,
    a_session,
    alone,
    an_account,
    given,
    given_session,
)

Row = TypeVar("Row")


async def all_of(read: Callable[[PageRequest], Awaitable[Page[Row]]]) -> list[Row]:
    """Two on each page."""
    found: list[Row] = []
    request = PageRequest(2)
    while True:
        page = await read(request)
        assert len(page.rows) <= 2  # noqa: PLR2004  as asked
        found += page.rows
        if page.following is None:
            return found
        request = PageRequest(2, page.following)


def a_letter(name: str, **more: object) -> Letter:
    letter = Letter(
        id=f"l-{name}",
        reason=Reason.NEW_DEVICE,
        address="Ada@example.com",
        user_id="u-ada",
        ip="192.0.2.1",
        user_agent="Agent/1.0",
        detail="more",
        created_at=NOW,
    )
    return replace(letter, **more)  # type: ignore[arg-type]


class HoldingPromises(Promises):
    async def people(self, store: ConformingStore) -> tuple[Account, Account, Holdings]:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada, bob)
        return ada, bob, store.reading.holdings

    async def test_of_somebody_new_there_is_nothing(self, store: ConformingStore) -> None:
        ada, _, holdings = await self.people(store)
        assert await all_of(lambda page: holdings.list_sessions(ada.id, page)) == []
        assert await all_of(lambda page: holdings.list_devices(ada.id, page)) == []
        assert await all_of(lambda page: holdings.list_letters(ada, page)) == []
        assert await all_of(lambda page: holdings.list_links(ada.id, page)) == []

    async def test_sessions_are_there_newest_first_ended_or_not(
        self, store: ConformingStore
    ) -> None:
        ada, bob, holdings = await self.people(store)
        for number in range(1, 6):
            await given_session(store, a_session(ada, number))
        await given_session(store, a_session(bob))
        ended = a_session(ada, 2).id
        await alone(store, lambda unit: unit.sessions.end(ended, EndReason.REVOKED, now=NOW + 1))
        found = await all_of(lambda page: holdings.list_sessions(ada.id, page))
        assert [session.id for session in found] == [a_session(ada, n).id for n in range(5, 0, -1)]
        assert [s.ended_reason for s in found if s.ended_at == NOW + 1] == [EndReason.REVOKED]

    async def test_sessions_are_there_once_whoever_ends_them_between_the_pages(
        self, store: ConformingStore
    ) -> None:
        ada, _, holdings = await self.people(store)
        for number in range(1, 4):
            await given_session(store, a_session(ada, number))
        first = await holdings.list_sessions(ada.id, PageRequest(2))
        await alone(store, lambda u: u.sessions.end_all(ada.id, EndReason.REVOKED, now=NOW + 1))
        await given_session(store, a_session(ada, 4))
        rest = await holdings.list_sessions(ada.id, PageRequest(2, first.following))
        assert [s.id for s in (*first.rows, *rest.rows)] == [
            a_session(ada, number).id for number in (3, 2, 1)
        ]

    async def test_devices_are_there_since_when_and_until_when_they_are_trusted(
        self, store: ConformingStore
    ) -> None:
        ada, bob, holdings = await self.people(store)

        async def remember(unit: Unit) -> None:
            for number in range(5):
                await unit.devices.remember(ada.id, bytes([number]) * 32, now=NOW + number)
            await unit.devices.remember(bob.id, b"b" * 32, now=NOW)
            await unit.devices.remember(ada.id, bytes(32), now=NOW + HOUR)
            await unit.devices.trust(ada.id, bytes(32), until=NOW + DAY)

        await alone(store, remember)
        found = await all_of(lambda page: holdings.list_devices(ada.id, page))
        assert found == [
            KnownDevice(NOW, NOW + HOUR, NOW + DAY),
            *(KnownDevice(NOW + number, NOW + number, None) for number in range(1, 5)),
        ]

    async def test_letters_are_there_to_the_account_and_to_its_address(
        self, store: ConformingStore
    ) -> None:
        ada, _, holdings = await self.people(store)
        letters = [
            a_letter("1"),
            a_letter("2", user_id="u-bob"),
            a_letter("3", user_id=None, reason=Reason.MAGIC_LINK),
            a_letter("4", user_id=None, address="Bob@example.com"),
            a_letter("5", address="new@example.org", reason=Reason.CONFIRM_NEW_EMAIL),
        ]

        async def put(unit: Unit) -> None:
            for letter in letters:
                await unit.outbox.put(letter, due=NOW + MINUTE)

        await alone(store, put)
        found = await all_of(lambda page: holdings.list_letters(ada, page))
        reasons = [Reason.NEW_DEVICE, Reason.MAGIC_LINK, Reason.CONFIRM_NEW_EMAIL]
        assert found == [WaitingLetter(reason, NOW, NOW + MINUTE, 0) for reason in reasons]

    async def test_links_are_there_until_they_are_used(self, store: ConformingStore) -> None:
        ada, bob, holdings = await self.people(store)
        purposes = [Purpose.RESET_PASSWORD, Purpose.MAGIC_LINK, Purpose.MFA]
        links = [
            Link(bytes([number]) * 32, purpose, ada.id, NOW, NOW + purpose.lifetime)
            for number, purpose in enumerate(purposes)
        ]

        async def insert(unit: Unit) -> None:
            for link in (*links, replace(links[0], token_hash=b"b" * 32, user_id=bob.id)):
                await unit.links.insert(link)

        await alone(store, insert)
        found = await all_of(lambda page: holdings.list_links(ada.id, page))
        assert found == [OpenLink(one.purpose, NOW, one.expires_at) for one in links]
        used = links[0]
        await alone(store, lambda u: u.links.consume(used.token_hash, used.purpose, now=NOW))
        assert len(await all_of(lambda page: holdings.list_links(ada.id, page))) == len(links) - 1
