"""What the promises stand on: an empty store for each test, and people to fill it with."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

import pytest_asyncio

from watchword.domain.accounts import Account, EmailAddress, Status
from watchword.domain.devices import Origin
from watchword.domain.roles import ADMIN, USER
from watchword.domain.sessions import Rotation, Session, Step, Transport
from watchword.domain.time import DAY, HOUR, MINUTE, Instant
from watchword.ports import Limits, Lockouts, OpenStore, Unit
from watchword.testing.fakes import START

Result = TypeVar("Result")
NOW: Final[Instant] = START
HASH: Final = "$argon2id$of-her-password"


class Abandoned(Exception):
    """Raised in a transaction to leave it."""


class ConformingCounters(Protocol):
    """What counts, in one object."""

    @property
    def limits(self) -> Limits: ...
    @property
    def lockouts(self) -> Lockouts: ...

    async def close(self) -> None: ...


class ConformingStore(OpenStore, Protocol):
    """What is held to the promises."""


class Promises(ABC):
    """The hook and the fixture that all promises share."""

    @abstractmethod
    async def make_store(self, folder: Path) -> ConformingStore:
        """A new, empty store. ``folder`` is empty and this test's own."""

    @pytest_asyncio.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[ConformingStore]:
        store = await self.make_store(tmp_path)
        yield store
        await store.close()


class CounterPromises(ABC):
    """As `Promises`, of what need not be a whole store."""

    @abstractmethod
    async def make_counters(self, folder: Path) -> ConformingCounters:
        """New ones that have counted nothing. ``folder`` is empty and this test's own."""

    @pytest_asyncio.fixture
    async def counters(self, tmp_path: Path) -> AsyncIterator[ConformingCounters]:
        counters = await self.make_counters(tmp_path)
        yield counters
        await counters.close()


def an_account(
    name: str = "ada", *, role: str = USER, status: Status = Status.ACTIVE, encoded: str = HASH
) -> Account:
    """Ids sort by name."""
    return Account(
        id=f"u-{name}",
        email=EmailAddress(f"{name.title()}@example.com", f"{name}@example.com"),
        name=name.title(),
        role=role,
        status=status,
        email_verified=True,
        mfa_enabled=False,
        password_hash=encoded,
        created_at=NOW,
    )


def an_admin(name: str = "grace") -> Account:
    return an_account(name, role=ADMIN)


def a_session(
    account: Account,
    number: int = 1,
    *,
    at: Instant = NOW,
    transport: Transport = Transport.COOKIE,
) -> Session:
    """Idle after an hour, at an end after a day."""
    return Session(
        id=f"s-{account.id}-{number:03}",
        user_id=account.id,
        transport=transport,
        generation=1,
        proof=1,
        salt=bytes([number]) * 16,
        rotated_at=at,
        created_at=at,
        last_seen_at=at,
        idle_ttl=HOUR,
        idle_expires_at=at + HOUR,
        expires_at=at + DAY,
        authenticated_at=at,
        amr=("pwd",),
        origin=Origin("192.0.2.1", "Agent/1.0"),
    )


async def given(store: ConformingStore, *people: Account) -> None:
    async with store.transaction() as unit:
        for account in people:
            await unit.accounts.insert(account)


async def given_session(
    store: ConformingStore, session: Session, *, limit: int = 100
) -> Sequence[str]:
    async with store.transaction() as unit:
        return await unit.sessions.open(session, limit=limit, evicts=True, proven=None)


async def alone(store: ConformingStore, verb: Callable[[Unit], Awaitable[Result]]) -> Result:
    """One verb in a transaction of its own."""
    async with store.transaction() as unit:
        return await verb(unit)


async def abandon(store: ConformingStore, verb: Callable[[Unit], Awaitable[object]]) -> None:
    """One verb in a transaction that then raises `Abandoned`."""
    async with store.transaction() as unit:
        await verb(unit)
        raise Abandoned


async def rotated(
    store: ConformingStore, session: Session, generation: int = 1, *, now: Instant = NOW + MINUTE
) -> bool:
    async def refused(_: Unit) -> Step:
        return Step(Rotation.REUSED, generation)

    step = await store.rotate(session.id, generation, refused, now=now)
    assert step.verdict is Rotation.REUSED or step.generation == generation + 1
    return step.verdict is Rotation.CURRENT


async def at_once(
    *verbs: Coroutine[object, object, Result],
) -> tuple[list[Result], list[BaseException]]:
    """Run together: what was returned, and what was raised."""
    results = await asyncio.gather(*verbs, return_exceptions=True)
    returned = [result for result in results if not isinstance(result, BaseException)]
    raised = [result for result in results if isinstance(result, BaseException)]
    return returned, raised


async def find_session(store: ConformingStore, session: Session) -> Session:
    """As the store has it now."""
    standing = await store.reading.sessions.find(session.id)
    assert standing is not None
    return standing.session


async def find_account(store: ConformingStore, account: Account) -> Account:
    """As the store has it now."""
    found = await store.reading.accounts.find(account.id)
    assert found is not None
    return found
