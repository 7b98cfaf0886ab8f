"""Whatever people do in whatever order, sessions keep what the plan promises of them.

The model below knows of every session when it ended and why, and of every token ever given out.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Coroutine, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.driving import Lines, empty_database, open_cheaply
from watchword.bootstrap import Core
from watchword.crypto.secret import Secret
from watchword.domain.accounts import Status
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.devices import Origin
from watchword.domain.errors import (
    AccountDisabled,
    InvalidCredentials,
    LastAdmin,
    NotAuthenticated,
    Refusal,
    SessionExpired,
    SessionRevoked,
    TokenExpired,
    TokenReused,
)
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.standing import Caller
from watchword.domain.time import HOUR, MINUTE, SECOND, Instant
from watchword.flows.grants import Grant
from watchword.flows.sign_in import Arrival
from watchword.ports import RequestTrace
from watchword.settings import Settings
from watchword.testing import FakeClock

Result = TypeVar("Result")
EXAMPLES, STEPS = 60, 40

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
SPANS = st.sampled_from(
    [1, SECOND, GRACE - 1, GRACE, MINUTE, TTL, HOUR // 2, IDLE - 1, IDLE, 2 * HOUR]
)
PICK = st.integers(0, 1_000)


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


class PeopleAndSessions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = FakeClock()
        self.runner = asyncio.Runner()
        self.people: list[Person] = []
        self.sessions: list[Held] = []
        self.probed = 0
        self.starts = 0
        self.path = Path(self.folder.name) / "watchword.db"
        self.path.write_bytes(empty_database())
        self.core = self.run(self.open())
        admin = self.run(self.flows.registration.make_admin("root@x.org", PASSWORDS[0], TRACE))
        self.people.append(Person(admin.id, "root@x.org", PASSWORDS[0], "admin"))

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    async def open(self) -> Core:
        self.starts += 1
        chosen = Settings(data_dir=Path(self.folder.name), **SETTINGS)
        core = open_cheaply(chosen, clock=self.clock, log=Lines(), seed=self.starts)
        await core.prepare()
        return core

    def teardown(self) -> None:
        try:
            for held in self.sessions:
                if self.lives(held) and held.transport is not Transport.SESSION:
                    self.refresh(held, held.generation)
        finally:
            self.run(self.core.close())
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
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql)]

    def stored(self) -> list[tuple[Held, dict[str, Any]]]:
        """Every session with its row."""
        found = {row["id"]: row for row in self.rows("SELECT * FROM sessions")}
        return [(held, found[held.id]) for held in self.sessions]

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

    # --- what people do

    @rule()
    def register(self) -> None:
        if len(self.people) < 5:
            email = f"person{len(self.people)}@x.org"
            account = self.run(self.flows.registration.register(email, PASSWORDS[0], TRACE))
            self.people.append(Person(account.id, email, PASSWORDS[0]))

    @rule(pick=PICK, transport=st.sampled_from(Transport))
    def sign_in(self, pick: int, transport: Transport) -> None:
        person = self.people[pick % len(self.people)]
        open_ones = "SELECT id FROM sessions WHERE user_id = '{}' AND ended_at IS NULL AND "
        alive = f"idle_expires_at > {self.now} AND expires_at > {self.now}"
        order = " ORDER BY created_at, id"
        before = [row["id"] for row in self.rows(open_ones.format(person.id) + alive + order)]
        arrival = Arrival(transport=transport, origin=Origin("192.0.2.1", ""), trace=TRACE)
        answer = self.outcome(self.flows.sign_in(person.email, person.password, arrival))
        person.failures = 0
        if not person.is_active:
            assert isinstance(answer, AccountDisabled)
            return
        assert isinstance(answer, Grant)
        gone = before[: max(0, len(before) + 1 - LIMIT)]
        self.end(held for held in self.sessions if held.id in gone)
        held = Held(answer.session.id, person, transport, self.now, [answer.held])
        held.take(answer, self.now)
        self.sessions.append(held)

    @rule(pick=PICK)
    def guess_a_password(self, pick: int) -> None:
        person = self.people[pick % len(self.people)]
        arrival = Arrival(transport=Transport.BODY, origin=Origin("", ""), trace=TRACE)
        answer = self.outcome(self.flows.sign_in(person.email, "not the phrase", arrival))
        assert isinstance(answer, InvalidCredentials)
        person.failures += 1

    @rule(
        pick=PICK, at_once=st.sampled_from([1, 1, 2, 8]), back=st.sampled_from([0, 0, 1, 1, 2, 3])
    )
    def refresh_some(self, pick: int, at_once: int, back: int) -> None:
        """The newest token, or one that many generations back."""
        held = self.choose(pick, Transport.BODY, Transport.COOKIE)
        if held is not None:
            self.refresh(held, max(1, held.generation - back), at_once)

    @rule(pick=PICK)
    def use(self, pick: int) -> None:
        if (held := self.choose(pick)) is not None:
            self.enter(held)

    @rule(pick=PICK, while_refreshed=st.booleans())
    def sign_out(self, pick: int, while_refreshed: bool) -> None:
        held = self.choose(pick)
        if held is None:
            return
        token = held.tokens[pick % held.generation]
        assert self.run(self.flows.held_tokens.session_of(token)) == held.id
        works = [self.flows.sessions.end(held.id, EndReason.SIGNED_OUT, TRACE)]
        if while_refreshed and held.transport is not Transport.SESSION:
            works.append(self.flows.refresh(held.tokens[-1], TRACE))
            works = works[:: 1 if pick % 2 else -1]
        for answer in self.run(self.gather(works)):
            if isinstance(answer, Grant):
                held.rotated_at = self.now
                held.take(answer, self.now)
                held.tokens.append(answer.held)
        self.end([held])

    @rule(pick=PICK, other=PICK)
    def end_one(self, pick: int, other: int) -> None:
        own = self.choose(pick)
        caller = own and self.enter(own)
        if own is None or caller is None:
            return
        target = self.of(own.person)[other % len(self.of(own.person))]
        self.outcome(self.flows.sessions.end_one(caller, target.id, TRACE))
        self.end([target])

    @rule(pick=PICK, keeps=st.booleans())
    def end_all(self, pick: int, keeps: bool) -> None:
        own = self.choose(pick)
        if own is None or self.enter(own) is None:
            return
        keep = own.id if keeps else None
        self.run(self.flows.sessions.end_all(own.person.id, TRACE, keep=keep))
        self.end(held for held in self.of(own.person) if held.id != keep)

    @rule(pick=PICK, number=st.integers(0, 2))
    def change_password(self, pick: int, number: int) -> None:
        own, new = self.choose(pick), PASSWORDS[number]
        caller = own and self.enter(own)
        if own is None or caller is None or new == own.person.password:
            return
        change = self.flows.credentials.change_password
        self.run(change(caller, own.person.password, new, TRACE, device=None))
        own.person.password, own.person.failures = new, 0
        self.end(held for held in self.of(own.person) if held is not own)

    @rule(pick=PICK)
    def reauthenticate(self, pick: int) -> None:
        own = self.choose(pick)
        caller = own and self.enter(own)
        if own is None or caller is None:
            return
        prove = self.flows.credentials.reauthenticate
        grant = self.run(prove(caller, own.person.password, TRACE, device=None))
        own.person.failures = 0
        own.proof += 1
        own.take(grant, self.now)
        if own.transport is Transport.SESSION:
            own.tokens.append(grant.held)
        else:
            assert grant.held == own.tokens[-1]

    # --- what operators do, and time

    def is_last_admin(self, person: Person) -> bool:
        return person.is_admin and sum(other.is_admin for other in self.people) == 1

    @rule(pick=PICK, role=st.sampled_from(["admin", "user"]))
    def change_role(self, pick: int, role: str) -> None:
        person = self.people[pick % len(self.people)]
        answer = self.outcome(self.flows.users.change_role(None, person.id, role, TRACE))
        if self.is_last_admin(person) and role != "admin":
            assert isinstance(answer, LastAdmin)
        else:
            assert not isinstance(answer, Refusal)
            person.role = role

    @rule(pick=PICK, status=st.sampled_from(Status))
    def change_status(self, pick: int, status: Status) -> None:
        person = self.people[pick % len(self.people)]
        answer = self.outcome(self.flows.users.change_status(None, person.id, status, TRACE))
        if self.is_last_admin(person) and status is Status.DISABLED:
            assert isinstance(answer, LastAdmin)
            return
        assert not isinstance(answer, Refusal)
        person.is_active = status is Status.ACTIVE
        if not person.is_active:
            self.end(self.of(person))

    @rule(span=SPANS)
    def wait(self, span: int) -> None:
        """Uses have been written down by then, as they are every second."""
        self.run(self.flows.standings.flush())
        for held, row in self.stored():
            assert held.has_ended or held.seen - LAG < row["last_seen_at"]
        self.clock.advance(span)

    @rule()
    def crash_and_restart(self) -> None:
        """What was not written down is lost: sessions may end earlier by that, never later."""
        self.run(self.core.close())
        self.core = self.run(self.open())
        for held, row in self.stored():
            held.seen = row["last_seen_at"]

    # --- what always holds

    @invariant()
    def the_rows_are_as_the_model_has_them(self) -> None:
        assert len(self.rows("SELECT id FROM sessions")) == len(self.sessions)
        for held, row in self.stored():
            assert (row["ended_at"] is not None) == held.has_ended, (row["ended_reason"], held)
            assert row["expires_at"] == held.created_at + ABSOLUTE
            if not held.has_ended:
                assert row["last_seen_at"] <= held.seen
                assert (row["generation"], row["proof"]) == (held.generation, held.proof)

    @invariant()
    def nobody_has_more_sessions_than_allowed(self) -> None:
        alive = f"ended_at IS NULL AND idle_expires_at > {self.now} AND expires_at > {self.now}"
        count = f"SELECT COUNT(*) AS n FROM sessions WHERE {alive} GROUP BY user_id"
        assert all(row["n"] <= LIMIT for row in self.rows(count))

    @invariant()
    def an_administrator_is_left(self) -> None:
        active = "SELECT 1 FROM users WHERE role = 'admin' AND status = 'active'"
        assert self.rows(active)

    @invariant()
    def failures_are_all_counted(self) -> None:
        counted = {row["key"]: row for row in self.rows("SELECT * FROM lockouts")}
        for person in self.people:
            row = counted.get(f"account:{person.id}", {"consecutive": 0})
            assert row["consecutive"] == person.failures

    @precondition(lambda self: any(held.has_ended for held in self.sessions))
    @invariant()
    def what_has_ended_lets_nobody_in(self) -> None:
        """With any token that it ever had: two of all those are tried each time, in turn."""
        refresh, access = self.flows.refresh, self.flows.access
        attempts: list[Any] = []
        for held in (held for held in self.sessions if held.has_ended):
            opens = access.by_session_cookie if held.transport is Transport.SESSION else None
            attempts += [(opens or refresh, token) for token in held.tokens]
            attempts += [(access.by_access_token, text) for text, _, _ in held.accesses]
        for _ in range(2):
            self.probed += 1
            attempt, token = attempts[self.probed % len(attempts)]
            work = attempt(token, TRACE) if attempt is refresh else attempt(token)
            assert isinstance(self.outcome(work), NotAuthenticated)


def test_sessions_keep_their_promises_whatever_happens() -> None:
    run_state_machine_as_test(
        PeopleAndSessions,
        settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None),
    )
