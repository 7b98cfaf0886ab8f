"""How many statements the hot verbs cost; one more must be a decision."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from watchword.adapters.sql.audit import count_each, newest
from watchword.adapters.sql.outbox import COUNT_DUE
from watchword.adapters.sql.sessions import LIST_VISITS
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.domain.accounts import EmailAddress
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.errors import LinkInvalid
from watchword.domain.events import SignedIn, SignInFailed
from watchword.domain.letters import Letter, Reason
from watchword.domain.links import Link, Purpose
from watchword.domain.sessions import EndReason
from watchword.domain.time import MINUTE
from watchword.ports import Allowance, AuditQuery, RequestTrace, Unit
from watchword.testing.conformance.ground import (
    HASH,
    NOW,
    a_session,
    alone,
    an_account,
    given,
    given_session,
)

ADA = an_account()
SESSION = a_session(ADA)
ALLOWANCE = Allowance(5, MINUTE)
POLICY = LockoutPolicy(5, MINUTE)
FRAME = ["BEGIN IMMEDIATE", "SAVEPOINT turn", "RELEASE turn", "COMMIT"]


async def audited(unit: Unit) -> None:
    event = SignedIn(subject=ADA.id, actor=ADA.id, session=SESSION.id, amr="pwd", new_device=True)
    await unit.audit.append(event, at=NOW, trace=RequestTrace())


async def signed_in(unit: Unit) -> None:
    await unit.sessions.open(a_session(ADA, 2), limit=5, evicts=True, proven=HASH)
    await audited(unit)


async def settled(store: SqliteStore, counting: Awaitable[object]) -> None:
    """A counter does not wait for its commit; a turn that has changed nothing does."""
    await counting
    async with store.transaction():
        pass


def failed(subject: str | None) -> Callable[[Unit], Awaitable[object]]:
    event = SignInFailed(subject=subject, reason="wrong_password")
    return lambda unit: unit.audit.append(event, at=NOW, trace=RequestTrace())


FRAME_BYTES = 4_096 + 24
PAGES = {
    "rotate": 1,
    "sign in": 9,
    "hit": 2,
    "hit of a share": 2,
    "attempt": 2,
    # As many for an address without an account (attack E02).
    "failure of the known": 5,
    "failure of the unknown": 5,
}
WRITTEN: dict[str, Callable[[SqliteStore], Awaitable[object]]] = {
    "rotate": lambda s: alone(s, lambda u: u.sessions.rotate(SESSION.id, 1, now=NOW)),
    "sign in": lambda s: alone(s, signed_in),
    "hit": lambda s: settled(s, s.limits.hit("k", ALLOWANCE, now=NOW)),
    "hit of a share": lambda s: settled(s, s.limits.hit("k", ALLOWANCE, now=NOW, share="ada")),
    "failure of the known": lambda s: alone(s, failed(ADA.id)),
    "failure of the unknown": lambda s: alone(s, failed(None)),
    "attempt": lambda s: s.lockouts.begin("account:ada", POLICY, now=NOW),
}


@pytest.fixture
async def statements(store: SqliteStore) -> list[str]:
    """What is run on the write connection once the store holds a session."""
    await given(store, ADA)
    await given_session(store, SESSION)
    statements: list[str] = []
    store._writer.connection.set_trace_callback(statements.append)
    return statements


async def absent(look: Awaitable[object]) -> None:
    with suppress(LinkInvalid):
        await look


def beyond_the_frame(statements: list[str]) -> int:
    """A trigger or a cascade is traced as a comment."""
    statements = [sql for sql in statements if not sql.startswith("--")]
    assert [sql for sql in statements if sql in FRAME] == FRAME
    return len(statements) - len(FRAME)


LETTER = Letter(
    id="l-1",
    reason=Reason.RESET_PASSWORD,
    address=ADA.email.text,
    user_id=None,
    ip="192.0.2.1",
    user_agent="Agent/1.0",
    detail="",
    created_at=NOW,
)
LINK = Link(b"h" * 32, Purpose.RESET_PASSWORD, ADA.id, NOW, NOW + MINUTE, ADA.email.key)
NEW_ADDRESS = EmailAddress("new@example.org", "new@example.org")

WRITES: dict[str, tuple[Callable[[Unit], Awaitable[object]], int]] = {
    "rotate": (lambda u: u.sessions.rotate(SESSION.id, 1, now=NOW), 1),
    "rotate a used one": (lambda u: u.sessions.rotate(SESSION.id, 0, now=NOW), 1),
    "open": (
        lambda u: u.sessions.open(a_session(ADA, 2), limit=5, evicts=True, proven=HASH),
        2,
    ),
    "end": (lambda u: u.sessions.end(SESSION.id, EndReason.REVOKED, now=NOW), 2),
    "end all": (lambda u: u.sessions.end_all(ADA.id, EndReason.REVOKED, now=NOW), 2),
    "reprove": (lambda u: u.sessions.reprove(SESSION, ("pwd",), now=NOW), 2),
    "touch": (lambda u: u.sessions.touch([(SESSION.id, NOW + 1)]), 1),
    "consume": (lambda u: u.links.consume(b"l", Purpose.SETUP, now=NOW), 1),
    "change password": (
        lambda u: u.accounts.replace_password(ADA.id, "new", instead_of=HASH),
        2,
    ),
    "put a letter": (lambda u: u.outbox.put(LETTER, due=NOW), 1),
    "claim letters": (lambda u: u.outbox.claim(now=NOW, lease=MINUTE, at_most=20), 1),
    "hold a letter": (lambda u: u.outbox.hold(LETTER, until=NOW), 1),
    "postpone a letter": (lambda u: u.outbox.postpone(LETTER.id, due=NOW), 1),
    "remove a letter": (lambda u: u.outbox.remove(LETTER.id), 1),
    "recall letters": (lambda u: u.outbox.recall(ADA.id), 1),
    "insert a link": (lambda u: u.links.insert(LINK), 2),
    "look at a link": (
        lambda u: absent(u.links.require_live(b"l", Purpose.RESET_PASSWORD, now=NOW)),
        1,
    ),
    "discard links": (lambda u: u.links.discard(ADA.id), 1),
    "verify an address": (lambda u: u.ownership.verify_address(ADA.id, ADA.email), 2),
    "change an address": (
        lambda u: u.ownership.change_address(ADA.id, NEW_ADDRESS, instead_of=ADA.email),
        2,
    ),
    "set a password": (lambda u: u.ownership.set_password(ADA.id, "new"), 2),
    "remember a device": (lambda u: u.devices.remember(ADA.id, b"d", now=NOW), 1),
}


class TestAWrite:
    @pytest.mark.parametrize("name", WRITES)
    async def test_costs_as_many_statements_as_planned(
        self, store: SqliteStore, statements: list[str], name: str
    ) -> None:
        verb, budget = WRITES[name]
        await alone(store, verb)
        assert beyond_the_frame(statements) == budget

    async def test_of_a_failed_attempt_costs_two(
        self, store: SqliteStore, statements: list[str]
    ) -> None:
        """Of the first as of the next (E02): what had failed before tells who has an account."""
        for _ in range(2):
            statements.clear()
            await store.lockouts.begin("account:ada", POLICY, now=NOW)
            verbs = [sql.split()[0] for sql in statements]
            assert verbs == ["BEGIN", "INSERT", "UPDATE", "COMMIT"]

    async def test_of_a_hit_costs_one_and_one_for_its_share(
        self, store: SqliteStore, statements: list[str]
    ) -> None:
        async with store.transaction():
            statements.clear()
        await store.limits.hit("k", ALLOWANCE, now=NOW)
        assert [sql.split()[0] for sql in statements if "limits" in sql] == ["INSERT"]
        await store.limits.hit("k", ALLOWANCE, now=NOW, share="ada")
        assert len([sql for sql in statements if "limits" in sql]) == 3


class TestARead:
    async def test_of_a_session_with_its_account_costs_one(
        self, store: SqliteStore, statements: list[str]
    ) -> None:
        reads: list[str] = []
        store._reader.set_trace_callback(reads.append)
        await store.reading.sessions.find(SESSION.id)
        assert len(reads) == 1
        assert statements == []

    async def test_of_earlier_visits_costs_one_by_the_index_however_many_there_were(
        self, store: SqliteStore, statements: list[str]
    ) -> None:
        reads: list[str] = []
        store._reader.set_trace_callback(reads.append)
        await store.reading.sessions.list_visits(ADA.id, at_most=10)
        assert len(reads) == 1
        assert statements == []
        plan = store._reader.execute(
            f"EXPLAIN QUERY PLAN {LIST_VISITS}", {"user_id": ADA.id, "at_most": 10}
        ).fetchall()
        steps = [step[3] for step in plan]
        assert sum("USING INDEX sessions_by_user" in step for step in steps) == 2
        assert not any("TEMP B-TREE" in step for step in steps)

    async def test_of_an_empty_outbox_costs_one_and_writes_nothing(
        self, store: SqliteStore, statements: list[str]
    ) -> None:
        """Every worker asks it once a second."""
        reads: list[str] = []
        store._reader.set_trace_callback(reads.append)
        assert await store.reading.outbox.count(due=NOW) == 0
        assert len(reads) == 1
        assert statements == []

    async def test_of_no_news_costs_one_pragma(self, store: SqliteStore) -> None:
        store.revocations.news()
        reads: list[str] = []
        store._reader.set_trace_callback(reads.append)
        await asyncio.sleep(0)
        store.revocations.news()
        assert reads == ["PRAGMA data_version"]

    async def test_of_no_news_is_shared_by_all_of_one_turn_of_the_loop(
        self, store: SqliteStore
    ) -> None:
        store.revocations.news()
        await asyncio.sleep(0)
        reads: list[str] = []
        store._reader.set_trace_callback(reads.append)
        for _ in range(16):
            assert store.revocations.news() == ()
        assert reads == ["PRAGMA data_version"]
        await asyncio.sleep(0)
        store.revocations.news()
        assert reads == ["PRAGMA data_version"] * 2

    @pytest.mark.parametrize(
        ("sql", "index"),
        [
            ("SELECT 1 FROM users WHERE email_key = 'k'", "sqlite_autoindex_users_2"),
            ("SELECT 1 FROM sessions WHERE user_id = 'u'", "sessions_by_user"),
            ("SELECT 1 FROM links WHERE user_id = 'u'", "links_by_user"),
            ("SELECT 1 FROM letters WHERE user_id = 'u'", "letters_by_user"),
            (COUNT_DUE.replace(":due", "1"), "letters_by_due"),
            ("SELECT id FROM letters WHERE due_at <= 1 ORDER BY due_at LIMIT 20", "letters_by_due"),
            ("SELECT 1 FROM audit_events WHERE subject = 'u' ORDER BY seq", "audit_by_subject"),
            ("SELECT 1 FROM audit_events WHERE type = 't' ORDER BY seq", "audit_by_type"),
            ("SELECT 1 FROM sessions WHERE expires_at <= 1", "sessions_by_end"),
            ("SELECT 1 FROM sessions WHERE ended_at <= 1", "sessions_by_ending"),
            ("SELECT 1 FROM limits WHERE resets_at <= 1", "limits_by_end"),
        ],
    )
    async def test_is_not_of_the_whole_table(
        self, store: SqliteStore, sql: str, index: str
    ) -> None:
        (step, *_) = store._reader.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
        assert step[3].startswith("SEARCH")
        assert index in step[3]

    async def test_of_what_concerns_somebody_is_by_subject_and_by_actor(
        self, store: SqliteStore
    ) -> None:
        """In their order, or each page would cost as much as there is of them all."""
        sql, parameters = newest(AuditQuery(user="u"), "9")
        plan = store._reader.execute(f"EXPLAIN QUERY PLAN {sql}", {**parameters, "limit": 1})
        steps = [(parent, text) for _, parent, _, text in plan.fetchall()]
        searches = {text: parent for parent, text in steps if "audit_events" in text}
        assert searches.keys() == {
            "SEARCH audit_events USING INDEX audit_by_subject (subject=? AND seq<?)",
            "SEARCH audit_events USING INDEX audit_by_actor (actor=? AND seq<?)",
        }
        sorted_in = {parent for parent, text in steps if "B-TREE" in text}
        assert sorted_in.isdisjoint(searches.values())

    async def test_that_counts_events_reads_no_row_and_sorts_nothing(
        self, store: SqliteStore
    ) -> None:
        spans = {"since": 1, "step": 1, "steps": 30, "one": "a", "other": "b"}
        sql = f"EXPLAIN QUERY PLAN {count_each(['one', 'other'])}"
        plan = [step[3] for step in store._reader.execute(sql, spans).fetchall()]
        assert [step for step in plan if "audit_events" in step] == [
            "SEARCH audit_events USING COVERING INDEX audit_by_time (at>? AND at<?)"
        ]


class TestACommit:
    """Each page is copied and checksummed while others wait: they are what a commit costs."""

    @pytest.mark.parametrize(("name", "pages"), PAGES.items())
    async def test_writes_as_many_pages_as_planned(
        self, store: SqliteStore, path: Path, name: str, pages: int
    ) -> None:
        await given(store, ADA)
        await given_session(store, SESSION)
        await alone(store, audited)
        log = path.with_name(f"{path.name}-wal")
        before = log.stat().st_size
        await WRITTEN[name](store)
        assert (log.stat().st_size - before) / FRAME_BYTES == pages
