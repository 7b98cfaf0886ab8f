"""The real core, opened cheaply: the cheapest hash, and chores that a test can wait for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from watchword.adapters.argon2 import Argon2Hasher, Argon2Parameters, GatheringHasher
from watchword.adapters.sql.migrate import migrate
from watchword.adapters.user_agents import UserAgentParser
from watchword.bootstrap import Core, open_core
from watchword.bootstrap.redis import RedisCounters
from watchword.domain.time import Instant
from watchword.flows.housekeeping import Housekeeper
from watchword.flows.sending import Sender
from watchword.settings import SessionStore, Settings
from watchword.testing import FakeClock, SeededRandomness


class Lines:
    """A log that keeps what it is told, for tests that look for what must not be there."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))

    def warning(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))

    def error(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))


class SenderByHand(Sender):
    """Sends when a test says so, for what is sent when is what tests are about."""

    def __init__(self, sender: Sender) -> None:
        super().__init__(sender.correspondence, sender.failed)

    async def run(self, stop: asyncio.Event) -> None:
        await stop.wait()


@dataclass(frozen=True, slots=True)
class TellingHousekeeper(Housekeeper):
    """Tells when its first round is over, for everything is due at the start, and would be counted
    among what the first requests ask of the database.
    """

    has_done_all: asyncio.Event = field(default_factory=asyncio.Event)

    async def tick(self, due: dict[str, Instant]) -> None:
        await Housekeeper.tick(self, due)
        self.has_done_all.set()


def be_patient(core: Core) -> None:
    """A slow machine is no failure of a Redis that keeps sessions; of one that counts it is."""
    moves = core.settings.session_store is SessionStore.REDIS
    if moves and isinstance(core.stores.counters, RedisCounters):
        connections = core.stores.counters.connections
        connections._patience = connections._pool.timeout = 20.0
        connections._pool.connection_kwargs["socket_connect_timeout"] = 20.0


async def open_cheaply(settings: Settings, *, clock: FakeClock, log: Lines, seed: int = 0) -> Core:
    """The real core with the cheapest hash, for tests have many passwords and little time."""
    core = await open_core(settings, clock=clock, randomness=SeededRandomness(seed), log=log)
    core.user_agents._rules = rules_of_user_agents()
    be_patient(core)
    hasher = Argon2Hasher(Argon2Parameters.for_tests(), core.pool)
    services = core.services
    proof = replace(services.sign_in.proof, hasher=GatheringHasher(hasher, services.gather))
    registration = replace(services.registration, hasher=hasher)
    cheap = replace(
        services,
        sign_in=replace(services.sign_in, hasher=hasher, proof=proof),
        registration=registration,
        setup=replace(services.setup, registration=registration),
        credentials=replace(services.credentials, hasher=hasher, proof=proof),
        by_mail=replace(
            services.by_mail,
            recovery=replace(services.by_mail.recovery, hasher=hasher, proof=proof),
        ),
        invitations=replace(services.invitations, registration=registration),
    )
    kept = core.housekeeper
    housekeeper = TellingHousekeeper(
        kept.store, kept.standings, kept.keyring, kept.clock, kept.gauges, kept.failed
    )
    return replace(core, services=cheap, housekeeper=housekeeper, sender=SenderByHand(core.sender))


@cache
def rules_of_user_agents() -> Callable[[str], tuple[str | None, str | None]]:
    """Read once: three quarters of a start, and not what these tests are about."""
    return UserAgentParser()._get_rules()


@cache
def empty_database() -> bytes:
    """Of the newest schema, migrated once: half of a start, and not what these tests are about."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        migrate(path)
        return path.read_bytes()
