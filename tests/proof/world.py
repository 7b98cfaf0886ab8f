"""The world of the state machine: people with what they hold, as they and the plan see it.

The model knows when each session ends, whether it was ended, and every token ever given out.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import asyncpg
from hypothesis.stateful import RuleBasedStateMachine

from tests import in_memory
from tests.kept import (
    columns_of,
    moving_sessions,
    name_database,
    name_redis,
    named_database,
    rows,
)
from tests.opening import Lines, empty_database, open_cheaply
from tests.servers.fixtures import empty
from watchword.adapters.redis import Connections, Names
from watchword.adapters.redis.movements import Movements
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.bootstrap import Core
from watchword.crypto.secret import Secret
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.errors import (
    Refusal,
    SessionExpired,
    SessionRevoked,
    TokenExpired,
    TokenReused,
)
from watchword.domain.sessions import Transport
from watchword.domain.standing import Caller
from watchword.domain.time import HOUR, MINUTE, SECOND, Instant
from watchword.flows.grants import Grant
from watchword.ports import RequestTrace
from watchword.settings import Settings
from watchword.testing import FakeClock

Result = TypeVar("Result")
GRACE, TTL, IDLE, ABSOLUTE, LIMIT = 10 * SECOND, 5 * MINUTE, HOUR, 5 * HOUR, 3
LAG = IDLE // 100  # by how much the store may be behind with the last use of a session
SETTINGS: dict[str, Any] = {
    "refresh_grace": GRACE,
    "access_token_ttl": TTL,
    "session_idle_ttl": IDLE,
    "session_absolute_ttl": ABSOLUTE,
    "max_sessions": LIMIT,
    "lockout_policy": LockoutPolicy(failures=10_000, first_lock=MINUTE),
    "hash_threads": 1,
    "secret": (Secret(b"a secret of the test, long enough."),),
}
TRACE = RequestTrace()
PASSWORDS = tuple(f"a phrase of some length, number {number}" for number in range(3))


@dataclass
class Person:
    id: str
    email: str
    password: str
    role: str = "user"
    is_active: bool = True
    failures: int = 0

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.role == "admin"


@dataclass
class Held:
    """A session as its person knows it: ``tokens`` by generation, ``accesses`` with their proof."""

    id: str
    person: Person
    transport: Transport
    created_at: Instant
    tokens: list[str]
    accesses: list[tuple[str, Instant, int]] = field(default_factory=list)
    seen: Instant = 0
    rotated_at: Instant = 0
    proof: int = 1
    has_ended: bool = False

    @property
    def generation(self) -> int:
        return len(self.tokens)

    @property
    def ends_at(self) -> Instant:
        return min(self.seen + IDLE, self.created_at + ABSOLUTE)

    def take(self, grant: Grant, now: Instant) -> None:
        """What an answer brought."""
        self.seen = max(self.seen, now)
        if grant.access is not None:
            exp = now // SECOND * SECOND + grant.access.expires_in * SECOND
            self.accesses.append((grant.access.text, exp, self.proof))


class World(RuleBasedStateMachine):
    """On the database at ``url``, which is emptied in the end, or on a file; sessions move in the
    Redis at ``moving_url``, if one is named.
    """

    def __init__(self, url: str | None = None, moving_url: str | None = None) -> None:
        super().__init__()
        self.url = url
        self.redis = None if moving_url is None else Connections(Secret(moving_url.encode()))
        self.folder = TemporaryDirectory(dir=in_memory.place())
        self.clock = FakeClock()
        self.runner = asyncio.Runner()
        self.people: list[Person] = []
        self.sessions: list[Held] = []
        self.probed = 0
        self.starts = 0
        folder = Path(self.folder.name)
        self.database = folder / "watchword.db"
        if moving_url is not None:
            name_redis(folder, moving_url)
        if url is None:
            self.database.write_bytes(empty_database())
        else:
            name_database(folder, url)
            self.outsider = self.runner.run(asyncpg.connect(url))
        self.core = self.run(self.open())
        admin = self.run(self.flows.registration.make_admin("root@x.org", PASSWORDS[0], TRACE))
        self.people.append(Person(admin.id, "root@x.org", PASSWORDS[0], "admin"))

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        try:
            return self.runner.run(work)
        finally:
            self.runner.run(self.settle())

    async def settle(self) -> None:
        """Counters are committed a little after the answer, which does not wait for them."""
        core = getattr(self, "core", None)
        if core is None or not isinstance(core.store, SqliteStore):
            return
        while core.store._writer._state.value != "idle":  # noqa: ASYNC110
            await asyncio.sleep(0)

    async def open(self) -> Core:
        self.starts += 1
        folder = Path(self.folder.name)
        kept = {"database_url": named_database(folder), **moving_sessions(folder)}
        chosen = Settings(data_dir=folder, **kept, **SETTINGS)
        core = await open_cheaply(chosen, clock=self.clock, log=Lines(), seed=self.starts)
        await core.prepare()
        return core

    def teardown(self) -> None:
        try:
            for held in self.sessions:
                if self.lives(held) and held.transport is not Transport.SESSION:
                    self.refresh(held, held.generation)
        finally:
            self.run(self.core.close())
            if self.url is not None:
                self.runner.run(self.outsider.close())
                self.runner.run(empty(self.url))
            if self.redis is not None:
                self.runner.run(self.redis.command("FLUSHDB"))
                self.runner.run(self.redis.close())
            self.runner.close()
            self.folder.cleanup()

    # --- what is known

    @property
    def flows(self) -> Any:
        return self.core.services

    @property
    def now(self) -> Instant:
        return self.clock.now()

    def rows(self, sql: str) -> list[dict[str, Any]]:
        if self.url is None:
            return rows(self.database, sql)
        return [dict(row) for row in self.runner.run(self.outsider.fetch(sql))]

    def stored(self) -> list[tuple[Held, dict[str, Any]]]:
        """Every session with its row."""
        found = {row["id"]: row for row in self.rows("SELECT * FROM sessions")}
        return [(held, self.moved(found[held.id])) for held in self.sessions]

    def moved(self, row: dict[str, Any]) -> dict[str, Any]:
        """What is forgotten in Redis is over, although no row says so."""
        if self.redis is None or row["ended_at"] is not None:
            return row
        movements = Movements(self.redis, Names(), lambda _: None)
        found = self.runner.run(movements.find(row["id"]))
        if found is None:
            return {**row, "ended_at": row["last_seen_at"]}
        moved = row | columns_of(found)
        if row["transport"] == Transport.SESSION:
            moved["generation"] = row["generation"]
        return moved

    def alive(self) -> list[Held]:
        """What the store takes for alive, the oldest first."""
        alive = [
            (row["created_at"], held.id, held)
            for held, row in self.stored()
            if row["ended_at"] is None and self.now < min(row["idle_expires_at"], row["expires_at"])
        ]
        return [held for _, _, held in sorted(alive, key=lambda found: found[:2])]

    def lives(self, held: Held) -> bool:
        """Surely; between `lives` and `is_over` the store may not know of the last use yet."""
        return not held.has_ended and self.now < held.ends_at - LAG

    def is_over(self, held: Held) -> bool:
        return held.has_ended or self.now >= held.ends_at

    def of(self, person: Person) -> list[Held]:
        return [held for held in self.sessions if held.person is person]

    def end(self, ended: Iterable[Held]) -> None:
        for held in ended:
            held.has_ended = True

    def outcome(self, work: Coroutine[Any, Any, Result]) -> Result | Refusal:
        try:
            return self.run(work)
        except Refusal as refusal:
            return refusal

    def choose(self, pick: int, *transports: Transport) -> Held | None:
        fitting = [h for h in self.sessions if h.transport in (transports or tuple(Transport))]
        return fitting[pick % len(fitting)] if fitting else None

    async def caller(self, held: Held) -> Caller:
        """By the newest thing that its person holds."""
        access = self.flows.access
        if held.transport is Transport.SESSION:
            return await access.by_session_cookie(held.tokens[-1])  # type: ignore[no-any-return]
        return await access.by_access_token(held.accesses[-1][0])  # type: ignore[no-any-return]

    def enter(self, held: Held) -> Caller | None:
        """A protected request, and whether its answer is the one that the model knows."""
        answer = self.outcome(self.caller(held))
        has_expired = bool(held.accesses) and self.now >= held.accesses[-1][1]
        if isinstance(answer, Caller):
            assert not has_expired
            assert not self.is_over(held)
            assert answer.account.role == held.person.role
            held.seen = self.now
            return answer
        if has_expired:
            assert isinstance(answer, TokenExpired)
        elif held.has_ended:
            assert isinstance(answer, SessionRevoked)
        else:
            assert isinstance(answer, SessionExpired)
            assert not self.lives(held)
        return None

    def refresh(self, held: Held, generation: int, at_once: int = 1) -> None:
        """Present the token of ``generation``, ``at_once`` times; what must come of it."""
        token = held.tokens[generation - 1]
        answers = self.run(self.gather(self.flows.refresh(token, TRACE) for _ in range(at_once)))
        if not self.lives(held) and any(isinstance(a, SessionExpired) for a in answers):
            assert not held.has_ended
            assert all(isinstance(answer, SessionExpired) for answer in answers)
        elif held.has_ended:
            assert all(isinstance(answer, SessionRevoked) for answer in answers)
        elif generation == held.generation:
            held.rotated_at = self.now
            self.take_all(held, answers)
            held.tokens.append(answers[0].held)
        elif generation == held.generation - 1 and self.now - held.rotated_at < GRACE:
            self.take_all(held, answers)
            assert answers[0].held == held.tokens[-1]
        else:
            assert sum(isinstance(answer, TokenReused) for answer in answers) == 1
            assert all(isinstance(a, TokenReused | SessionRevoked) for a in answers)
            self.end([held])

    def take_all(self, held: Held, answers: list[Any]) -> None:
        assert all(isinstance(answer, Grant) for answer in answers), answers
        assert len({answer.held for answer in answers}) == 1
        assert not self.is_over(held)
        for answer in answers:
            held.take(answer, self.now)

    async def gather(self, works: Iterable[Awaitable[Any]]) -> list[Any]:
        return await asyncio.gather(*works, return_exceptions=True)
