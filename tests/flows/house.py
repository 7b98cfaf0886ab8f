"""The flows without HTTP, on the memory adapters unless a test brings another store: people, what
they hold, and a clock by hand.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.driving import PASSWORD
from tests.opening import Lines
from watchword.adapters.argon2 import Argon2Hasher, Argon2Parameters
from watchword.adapters.memory import MemoryStore
from watchword.adapters.memory.store import MemoryUnit
from watchword.adapters.prometheus import PrometheusMeter
from watchword.bootstrap.parts import Ground, Machine, Secrets, Shared, lay_ground, share
from watchword.bootstrap.services import make_services
from watchword.bootstrap.storage import Stores
from watchword.crypto.secret import Secret
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.devices import Origin
from watchword.domain.errors import Unavailable
from watchword.domain.sessions import Session, Transport
from watchword.domain.standing import Caller
from watchword.flows.grants import Grant
from watchword.flows.housekeeping import Housekeeper
from watchword.flows.sign_in import Arrival
from watchword.ports import AuditQuery, AuditRecord, OpenStore, PageRequest, RequestTrace
from watchword.settings import Settings
from watchword.testing import FakeClock, SeededRandomness
from watchword.web.services import Services

TRACE = RequestTrace(request_id="r-1", ip="192.0.2.1", user_agent="Agent/1.0")
ORIGIN = Origin(TRACE.ip, TRACE.user_agent)
SECRET = Secret(b"a secret of the test, long enough.")


class CountedStore(MemoryStore):
    """Counts its transactions, and refuses them on demand; counters are no part of it."""

    def __init__(self) -> None:
        super().__init__(clock=FakeClock())
        self.transactions = 0
        self.is_down = False

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[MemoryUnit]:
        self.transactions += 1
        if self.is_down:
            raise Unavailable
        async with super()._transaction() as unit:
            yield unit


def build(
    store: OpenStore,
    clock: FakeClock,
    *secrets: Secret,
    seed: int = 0,
    **settings: Any,
) -> tuple[Ground, Shared, Services]:
    """The flows of one process on ``store``, hashing as cheaply as it goes."""
    ground = lay_ground(
        Settings(hash_threads=1, **settings),
        Secrets(secrets or (SECRET,)),
        Stores(store),
        Machine(
            clock=clock,
            randomness=SeededRandomness(seed),
            log=Lines(),
            meter=PrometheusMeter(version="test"),
        ),
    )
    hasher = Argon2Hasher(Argon2Parameters.for_tests(), ground.pool)
    ground = replace(ground, hasher=hasher)
    shared = share(ground)
    return ground, shared, make_services(ground, shared)


@dataclass
class House:
    """One process. Another one on the same store is another house."""

    store: OpenStore
    clock: FakeClock
    ground: Ground
    shared: Shared
    flows: Services

    @classmethod
    async def open(
        cls,
        *secrets: Secret,
        store: OpenStore | None = None,
        clock: FakeClock | None = None,
        seed: int = 0,
        **settings: Any,
    ) -> "House":
        clock = clock or FakeClock()
        store = store or MemoryStore(clock=clock)
        house = cls(store, clock, *build(store, clock, *secrets, seed=seed, **settings))
        try:
            await house.flows.keyring.prepare()
        except BaseException:
            house.ground.pool.close()
            raise
        return house

    @property
    def memory(self) -> MemoryStore:
        """For tests that look behind the ports: of other stores they say nothing."""
        if not isinstance(self.store, MemoryStore):
            pytest.skip("It looks into the memory itself.")
        return self.store

    def housekeeper(self, failed: Callable[[str, Exception], None]) -> Housekeeper:
        ground, shared = self.ground, self.shared
        return Housekeeper(
            ground.store, shared.standings, shared.keyring, self.clock, ground.meter, failed
        )

    async def register(self, email: str = "ada@example.com", password: str = PASSWORD) -> Account:
        return await self.flows.registration.register(email, password, TRACE)

    async def register_admin(self, email: str = "root@example.com") -> Account:
        return await self.flows.registration.make_admin(email, PASSWORD, TRACE)

    async def sign_in(
        self,
        email: str = "ada@example.com",
        password: str = PASSWORD,
        *,
        transport: Transport = Transport.BODY,
        **arrival: Any,
    ) -> Grant:
        came = Arrival(transport=transport, origin=ORIGIN, trace=TRACE, **arrival)
        outcome = await self.flows.sign_in(EmailAddress.parse(email), password, came)
        assert isinstance(outcome, Grant)
        return outcome

    async def refresh(self, token: str) -> Grant:
        return await self.flows.refresh(token, TRACE)

    async def enter(self, grant: Grant) -> Caller:
        """As a protected request with what ``grant`` gave."""
        if grant.access is None:
            return await self.flows.access.by_session_cookie(grant.held)
        return await self.flows.access.by_access_token(grant.access.text)

    async def session(self, grant: Grant) -> Session:
        """As the store has it now."""
        standing = await self.store.reading.sessions.find(grant.session.id)
        assert standing is not None
        return standing.session

    async def live(self, account: Account) -> list[str]:
        sessions = await self.flows.sessions.list_live(account.id)
        return [session.id for session in sessions]

    async def events(self, kind: str) -> list[AuditRecord]:
        """Of one type, oldest first."""
        page = await self.flows.audit.list_events(AuditQuery(type=kind), PageRequest(200))
        return list(reversed(page.rows))

    async def close(self) -> None:
        self.ground.pool.close()
        await self.store.close()


def details(event: AuditRecord) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.details)
    return found
