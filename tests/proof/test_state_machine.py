"""Whatever people do in whatever order, sessions keep what the plan promises of them."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.proof.world import (
    ABSOLUTE,
    GRACE,
    IDLE,
    LAG,
    LIMIT,
    PASSWORDS,
    TRACE,
    TTL,
    Held,
    Person,
    World,
)
from watchword.domain.accounts import EmailAddress, Status
from watchword.domain.devices import Origin
from watchword.domain.errors import (
    AccountDisabled,
    InvalidCredentials,
    LastAdmin,
    NotAuthenticated,
    Refusal,
)
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import HOUR, MINUTE, SECOND
from watchword.flows.grants import Grant
from watchword.flows.sign_in import Arrival

EXAMPLES, STEPS = 60, 40
SPANS = st.sampled_from(
    [1, SECOND, GRACE - 1, GRACE, MINUTE, TTL, HOUR // 2, IDLE - 1, IDLE, 2 * HOUR]
)
PICK = st.integers(0, 1_000)


class PeopleAndSessions(World):
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
        before = [held for held in self.alive() if held.person is person]
        arrival = Arrival(transport=transport, origin=Origin("192.0.2.1", ""), trace=TRACE)
        answer = self.outcome(
            self.flows.sign_in(EmailAddress.parse(person.email), person.password, arrival)
        )
        person.failures = 0
        if not person.is_active:
            assert isinstance(answer, AccountDisabled)
            return
        assert isinstance(answer, Grant)
        gone = before[: max(0, len(before) + 1 - LIMIT)]
        self.end(gone)
        held = Held(answer.session.id, person, transport, self.now, [answer.held])
        held.take(answer, self.now)
        self.sessions.append(held)
        self.heed_the_dead()

    def heed_the_dead(self) -> None:
        """Where sessions move in Redis, those that are over may be ended where room is short."""
        if self.redis is not None:
            rows = self.stored()
            self.end(h for h, row in rows if row["ended_at"] is not None and not self.lives(h))

    @precondition(lambda self: self.redis is not None)
    @rule()
    def lose_the_memory_of_redis(self) -> None:
        """And restart, so that no picture of it is left either."""
        assert self.redis is not None
        self.runner.run(self.redis.command("FLUSHDB"))
        self.run(self.core.close())
        self.core = self.run(self.open())
        self.end(self.sessions)
        for person in self.people:
            person.failures = 0

    @rule(pick=PICK)
    def guess_a_password(self, pick: int) -> None:
        person = self.people[pick % len(self.people)]
        arrival = Arrival(transport=Transport.BODY, origin=Origin("", ""), trace=TRACE)
        answer = self.outcome(
            self.flows.sign_in(EmailAddress.parse(person.email), "not the phrase", arrival)
        )
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
        if person.is_active:
            person.failures = 0
        else:
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
        alive = Counter(held.person.id for held in self.alive())
        assert all(count <= LIMIT for count in alive.values())

    @invariant()
    def an_administrator_is_left(self) -> None:
        active = "SELECT 1 FROM users WHERE role = 'admin' AND status = 'active'"
        assert self.rows(active)

    @invariant()
    def failures_are_all_counted(self) -> None:
        if self.redis is not None:
            return
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


@pytest.mark.every_store(moving=True)
def test_sessions_keep_their_promises_whatever_happens(
    server_url: str | None, moving_url: str | None
) -> None:
    machine: Any = partial(PeopleAndSessions, server_url, moving_url)
    # A step takes five times as long on a server.
    examples = EXAMPLES if server_url is None and moving_url is None else EXAMPLES // 5
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=examples, stateful_step_count=STEPS, deadline=None),
    )
