"""Whatever is done in whatever order, SQLite answers what the dicts answer.

The store in memory is so simple that it can be read; two stores on one file, used in turn, must
give the same answers, hold the same rows and hear the same news.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from watchword.adapters.memory import MemoryStore
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.domain.accounts import Status
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.errors import Refusal
from watchword.domain.events import Registered
from watchword.domain.links import Link, Purpose
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import DAY, HOUR, MINUTE, Instant
from watchword.ports import (
    AccountQuery,
    Allowance,
    AuditQuery,
    Change,
    PageRequest,
    RequestTrace,
    StoredKey,
    Unit,
)
from watchword.testing.conformance.ground import (
    NOW,
    Abandoned,
    ConformingStore,
    a_session,
    an_account,
)

EXAMPLES, STEPS = 20, 30
NAMES = "ab"
POLICY = LockoutPolicy(2, 10 * MINUTE)
ALLOWANCE = Allowance(3, 20 * MINUTE)


@dataclass(frozen=True)
class Step:
    """Something to do in a transaction, at a moment that is the same for all stores."""

    name: str
    run: Callable[[Unit, Instant], Awaitable[object]]

    def __repr__(self) -> str:
        return self.name


def named(make: Callable[..., Callable[[Unit, Instant], Awaitable[object]]]) -> Callable[..., Step]:
    """The step of a verb with what was drawn for it, shown as a call."""

    def draw(*drawn: object) -> Step:
        return Step(f"{make.__name__}{drawn}", make(*drawn))

    return draw


Verb = Callable[[Unit, Instant], Awaitable[object]]


@named
def insert(name: str, role: str, status: Status, encoded: str | None) -> Verb:
    account = replace(an_account(name, role=role, status=status), password_hash=encoded)
    return lambda unit, _: unit.accounts.insert(account)


@named
def change_role(name: str, role: str) -> Verb:
    return lambda unit, _: unit.accounts.change_role(f"u-{name}", role)


@named
def change_status(name: str, status: Status) -> Verb:
    return lambda unit, _: unit.accounts.change_status(f"u-{name}", status)


@named
def change_password(name: str, encoded: str, instead_of: str) -> Verb:
    return lambda unit, _: unit.accounts.replace_password(
        f"u-{name}", encoded, instead_of=instead_of
    )


@named
def delete(name: str) -> Verb:
    return lambda unit, _: unit.accounts.delete(f"u-{name}")


@named
def open_session(
    name: str, transport: Transport, limit: int, evicts: bool, proven: str | None
) -> Verb:
    async def run(unit: Unit, now: Instant) -> object:
        number = next(
            n for n in range(100) if await unit.sessions.find(session_id(name, n)) is None
        )
        session = a_session(an_account(name), number, at=now, transport=transport)
        return await unit.sessions.open(session, limit=limit, evicts=evicts, proven=proven)

    return run


@named
def rotate(name: str, number: int, off: int) -> Verb:
    """At the current generation, or ``off`` it."""

    async def run(unit: Unit, now: Instant) -> object:
        standing = await unit.sessions.find(session_id(name, number))
        generation = off + (standing.session.generation if standing else 0)
        return await unit.sessions.rotate(session_id(name, number), generation, now=now)

    return run


@named
def reprove(name: str, number: int, off: int, amr: tuple[str, ...]) -> Verb:
    async def run(unit: Unit, now: Instant) -> object:
        standing = await unit.sessions.find(session_id(name, number))
        if standing is None:
            return None
        given = replace(standing.session, proof=standing.session.proof + off)
        return await unit.sessions.reprove(given, amr, now=now)

    return run


@named
def end(name: str, number: int, reason: EndReason) -> Verb:
    return lambda unit, now: unit.sessions.end(session_id(name, number), reason, now=now)


@named
def end_all(name: str, reason: EndReason, kept: int | None) -> Verb:
    keep = None if kept is None else session_id(name, kept)
    return lambda unit, now: unit.sessions.end_all(f"u-{name}", reason, now=now, keep=keep)


@named
def touch(name: str, number: int, span: int) -> Verb:
    return lambda unit, now: unit.sessions.touch([(session_id(name, number), now + span)])


@named
def make_link(name: str | None, secret: int) -> Verb:
    async def run(unit: Unit, now: Instant) -> None:
        token_hash = bytes([secret]) * 32
        await unit.links.consume(token_hash, Purpose.SETUP, now=0)
        owner = None if name is None else f"u-{name}"
        await unit.links.insert(Link(token_hash, Purpose.SETUP, owner, now, now + HOUR))

    return run


@named
def use_link(secret: int) -> Verb:
    return lambda unit, now: unit.links.consume(bytes([secret]) * 32, Purpose.SETUP, now=now)


@named
def remember_device(name: str) -> Verb:
    return lambda unit, now: unit.devices.remember(f"u-{name}", b"d", now=now)


@named
def make_key(kid: str) -> Verb:
    async def run(unit: Unit, now: Instant) -> None:
        await unit.keys.delete(kid)
        await unit.keys.insert(StoredKey(kid, "EdDSA", b"sealed", now, None, None))

    return run


@named
def activate_key(kid: str, overlap: int) -> Verb:
    return lambda unit, now: unit.keys.activate(kid, now=now, overlap=overlap)


@named
def write_event(name: str) -> Verb:
    event = Registered(subject=name, actor="a")
    return lambda unit, now: unit.audit.append(event, at=now, trace=RequestTrace())


def session_id(name: str, number: int) -> str:
    return a_session(an_account(name), number).id


names, numbers = st.sampled_from("aab"), st.integers(0, 3)
hashes = st.sampled_from(["one", "one", "two"])
roles = st.sampled_from(["admin", "admin", "user"])
statuses = st.sampled_from([Status.ACTIVE, Status.ACTIVE, Status.DISABLED])
reasons = st.sampled_from(EndReason)
secrets, kids = st.integers(0, 2), st.sampled_from("xyz")
offs = st.sampled_from([0, 0, 0, -1, 1])
spans = st.sampled_from([1, 1, MINUTE, 10 * MINUTE, HOUR - 1, HOUR, DAY, -MINUTE])

accounts = st.one_of(
    st.builds(insert, names, roles, statuses, st.none() | hashes),
    st.builds(change_role, names, roles),
    st.builds(change_status, names, statuses),
    st.builds(change_password, names, hashes, hashes),
    st.builds(delete, names),
    st.builds(remember_device, names),
    st.builds(write_event, names),
)
opened = st.builds(
    open_session,
    names,
    st.sampled_from(Transport),
    st.integers(1, 4),
    st.booleans(),
    st.none() | hashes,
)
sessions = st.one_of(
    st.builds(rotate, names, numbers, offs),
    st.builds(reprove, names, numbers, offs, st.sampled_from([("pwd",), ("pwd", "otp")])),
    st.builds(end, names, numbers, reasons),
    st.builds(end_all, names, reasons, st.none() | numbers),
    st.builds(touch, names, numbers, spans),
)
records = st.one_of(
    st.builds(make_link, st.none() | names, secrets),
    st.builds(use_link, secrets),
    st.builds(make_key, kids),
    st.builds(activate_key, kids, st.sampled_from([MINUTE, HOUR])),
)
steps = st.one_of(accounts, opened, opened, sessions, sessions, records)


async def outcome(work: Awaitable[object]) -> object:
    """What came of it; a refusal is an answer too."""
    try:
        result = await work
    except Refusal as refusal:
        return type(refusal), vars(refusal).get("retry_after")
    return list(result) if isinstance(result, (list, tuple)) else result


async def commit(store: ConformingStore, todo: list[Step], now: Instant) -> list[object]:
    async with store.transaction() as unit:
        return [await outcome(one.run(unit, now)) for one in todo]


async def abandon(store: ConformingStore, todo: list[Step], now: Instant) -> list[object]:
    results: list[object] = []
    with suppress(Abandoned):
        async with store.transaction() as unit:
            results = [await outcome(one.run(unit, now)) for one in todo]
            raise Abandoned
    return results


async def everything(store: ConformingStore, now: Instant) -> list[object]:
    """All that can be read."""
    reading = store.reading
    accounts = await reading.directory.list_accounts(AccountQuery(), PageRequest(200))
    events = await reading.audit.list_events(AuditQuery(user="a"), PageRequest(200))
    return [
        list(accounts.rows),
        [await reading.sessions.find(session_id(name, n)) for name in NAMES for n in range(6)],
        [list(await reading.sessions.list_live(f"u-{name}", now)) for name in NAMES],
        [await reading.devices.is_known(f"u-{name}", b"d") for name in NAMES],
        list(await reading.keys.list_keys()),
        [(event.at, event.subject) for event in events.rows],
        await reading.directory.has_admin(),
        await store.count_live_sessions(now),
    ]


class Agreement(RuleBasedStateMachine):
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(shutil.copy(self.template, self.folder.name))
        self.model = MemoryStore()
        self.stores = [SqliteStore(path), SqliteStore(path)]
        self.now = NOW
        begin = [
            insert("a", "admin", Status.ACTIVE, "one"),
            insert("b", "user", Status.ACTIVE, None),
        ]
        self.compare(lambda store: commit(store, begin, NOW), turn=False)
        self.runner.run(self.hear())

    def compare(self, work: Callable[[ConformingStore], Awaitable[object]], turn: bool) -> None:
        async def both() -> tuple[object, object]:
            return await work(self.model), await work(self.stores[turn])

        expected, actual = self.runner.run(both())
        assert actual == expected

    @rule(todo=st.lists(steps, min_size=1, max_size=4), turn=st.booleans())
    def commit(self, todo: list[Step], turn: bool) -> None:
        self.compare(lambda store: commit(store, todo, self.now), turn)

    @rule(todo=st.lists(steps, min_size=1, max_size=4), turn=st.booleans())
    def abandon(self, todo: list[Step], turn: bool) -> None:
        self.compare(lambda store: abandon(store, todo, self.now), turn)

    @rule(span=spans)
    def wait(self, span: int) -> None:
        self.now += span

    @rule(key=names, share=st.none() | names, turn=st.booleans())
    def hit(self, key: str, share: str | None, turn: bool) -> None:
        self.compare(lambda s: s.limits.hit(key, ALLOWANCE, now=self.now, share=share), turn)

    @rule(key=names, share=names, turn=st.booleans())
    def forgive(self, key: str, share: str, turn: bool) -> None:
        self.compare(lambda s: s.limits.forgive(key, share), turn)
        self.compare(lambda s: s.limits.peek(key, ALLOWANCE, now=self.now), turn)

    @rule(key=st.sampled_from(["account:u-a", "address:0"]), turn=st.booleans())
    def attempt(self, key: str, turn: bool) -> None:
        self.compare(lambda s: outcome(s.lockouts.begin(key, POLICY, now=self.now)), turn)

    @rule(key=st.sampled_from(["account:u-a", "address:0"]), turn=st.booleans())
    def succeed(self, key: str, turn: bool) -> None:
        self.compare(lambda s: s.lockouts.succeed(key), turn)

    @rule(turn=st.booleans())
    def purge(self, turn: bool) -> None:
        async def purge(store: ConformingStore) -> object:
            await store.purge(self.now, at_most=10_000)
            return await store.purge(self.now, at_most=10_000)

        self.compare(purge, turn)

    @invariant()
    def all_hold_the_same(self) -> None:
        for turn in (False, True):
            self.compare(lambda store: everything(store, self.now), turn)

    @invariant()
    def all_hear_the_same(self) -> None:
        expected, *heard = self.runner.run(self.hear())
        assert heard == [expected, expected]

    async def hear(self) -> list[list[Change]]:
        stores: list[ConformingStore] = [self.model, *self.stores]
        return [list(store.revocations.news() or ()) for store in stores]

    def teardown(self) -> None:
        async def close() -> None:
            for store in self.stores:
                await store.close()

        self.runner.run(close())
        self.runner.close()
        self.folder.cleanup()


def test_memory_and_sqlite_agree(template: Path) -> None:
    class OnTheTemplate(Agreement):
        pass

    OnTheTemplate.template = template
    effort = settings(max_examples=EXAMPLES, stateful_step_count=STEPS)
    run_state_machine_as_test(OnTheTemplate, settings=effort)
