"""Whatever is done in whatever order, SQLite answers what the dicts answer.

The store in memory is so simple that it can be read; two stores on one file, used in turn, must
give the same answers, hold the same rows and hear the same news.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
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
    PageRequest,
    RequestTrace,
    StoredKey,
    Unit,
)
from watchword.testing.conformance.ground import NOW, ConformingStore, a_session, an_account

NAMES = "abc"
KINDS = [(name, number) for name in NAMES for number in range(3)]
POLICY = LockoutPolicy(2, 10 * MINUTE)
ALLOWANCE = Allowance(3, 20 * MINUTE)


class Abandoned(Exception):
    pass


@dataclass(frozen=True)
class Step:
    """Something to do in a transaction, at a moment that is the same for all."""

    name: str
    run: Callable[[Unit, Instant], Awaitable[object]]

    def __repr__(self) -> str:
        return self.name


def session_id(kind: tuple[str, int]) -> str:
    return a_session(an_account(kind[0]), kind[1]).id


def step(name: str, *drawn: object, run: Callable[[Unit, Instant], Awaitable[object]]) -> Step:
    return Step(f"{name}{drawn}", run)


def insert(name: str, role: str, status: Status, encoded: str | None) -> Step:
    account = replace(an_account(name, role=role, status=status), password_hash=encoded)
    return step("insert", name, role, status, run=lambda u, _: u.accounts.insert(account))


def open_(
    kind: tuple[str, int], transport: Transport, limit: int, evicts: bool, proven: str | None
) -> Step:
    async def run(unit: Unit, now: Instant) -> object:
        if await unit.sessions.find(session_id(kind)) is not None:
            return None
        session = a_session(an_account(kind[0]), kind[1], at=now, transport=transport)
        return await unit.sessions.open(session, limit=limit, evicts=evicts, proven=proven)

    return step("open", kind, transport, limit, evicts, proven, run=run)


def reprove(kind: tuple[str, int], amr: tuple[str, ...]) -> Step:
    async def run(unit: Unit, now: Instant) -> object:
        standing = await unit.sessions.find(session_id(kind))
        return standing and await unit.sessions.reprove(standing.session, amr, now=now)

    return step("reprove", kind, amr, run=run)


def link(name: str | None, secret: int) -> Step:
    async def run(unit: Unit, now: Instant) -> object:
        token_hash = bytes([secret]) * 32
        await unit.links.consume(token_hash, Purpose.SETUP, now=0)
        return await unit.links.insert(Link(token_hash, Purpose.SETUP, name, now, now + HOUR))

    return step("link", name, secret, run=run)


def key(kid: str) -> Step:
    async def run(unit: Unit, now: Instant) -> object:
        await unit.keys.delete(kid)
        return await unit.keys.insert(StoredKey(kid, "EdDSA", b"sealed", now, None, None))

    return step("key", kid, run=run)


names, kinds = st.sampled_from(NAMES), st.sampled_from(KINDS)
hashes = st.sampled_from(["one", "two"])
proofs = st.none() | hashes
roles = st.sampled_from(["admin", "admin", "user"])
statuses = st.sampled_from([Status.ACTIVE, Status.ACTIVE, Status.DISABLED])
reasons = st.sampled_from(EndReason)
secrets, kids = st.integers(0, 2), st.sampled_from("xyz")
spans = st.sampled_from([0, 1, MINUTE, 10 * MINUTE, HOUR - 1, HOUR, DAY, -MINUTE])

steps = st.one_of(
    st.builds(insert, names, roles, statuses, proofs),
    st.builds(
        lambda n, r: step("role", n, r, run=lambda u, _: u.accounts.change_role(f"u-{n}", r)),
        names,
        roles,
    ),
    st.builds(
        lambda n, s: step("status", n, s, run=lambda u, _: u.accounts.change_status(f"u-{n}", s)),
        names,
        statuses,
    ),
    st.builds(
        lambda n, e, i: step(
            *("password", n, e, i),
            run=lambda u, _: u.accounts.replace_password(f"u-{n}", e, instead_of=i),
        ),
        names,
        hashes,
        hashes,
    ),
    st.builds(lambda n: step("delete", n, run=lambda u, _: u.accounts.delete(f"u-{n}")), names),
    *[
        st.builds(
            open_,
            kinds,
            st.sampled_from(Transport),
            st.integers(1, 3),
            st.booleans(),
            proofs,
        )
    ]
    * 3,
    *[
        st.builds(
            lambda k, g: step(
                "rotate", k, g, run=lambda u, now: u.sessions.rotate(session_id(k), g, now=now)
            ),
            kinds,
            st.integers(1, 3),
        )
    ]
    * 2,
    st.builds(reprove, kinds, st.sampled_from([("pwd",), ("pwd", "otp")])),
    st.builds(
        lambda k, r: step("end", k, r, run=lambda u, t: u.sessions.end(session_id(k), r, now=t)),
        kinds,
        reasons,
    ),
    st.builds(
        lambda n, r, k: step(
            *("end all", n, r, k),
            run=lambda u, t: u.sessions.end_all(f"u-{n}", r, now=t, keep=k and session_id(k)),
        ),
        names,
        reasons,
        st.none() | kinds,
    ),
    st.builds(
        lambda k, s: step(
            "touch", k, s, run=lambda u, now: u.sessions.touch([(session_id(k), now + s)])
        ),
        kinds,
        spans,
    ),
    st.builds(link, st.none() | names.map("u-{}".format), secrets),
    st.builds(
        lambda s: step(
            "use", s, run=lambda u, t: u.links.consume(bytes([s]) * 32, Purpose.SETUP, now=t)
        ),
        secrets,
    ),
    st.builds(
        lambda n: step("device", n, run=lambda u, t: u.devices.remember(f"u-{n}", b"d", now=t)),
        names,
    ),
    st.builds(key, kids),
    st.builds(
        lambda k, s: step(
            "activate", k, s, run=lambda u, t: u.keys.activate(k, now=t, overlap=abs(s))
        ),
        kids,
        spans,
    ),
    st.builds(
        lambda n: step(
            *("event", n),
            run=lambda u, t: u.audit.append(
                Registered(subject=n, actor="a"), at=t, trace=RequestTrace()
            ),
        ),
        names,
    ),
)


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
    try:
        async with store.transaction() as unit:
            results = [await outcome(one.run(unit, now)) for one in todo]
            raise Abandoned
    except Abandoned:
        return results


async def everything(store: ConformingStore, now: Instant) -> list[object]:
    """All that can be read."""
    reading = store.reading
    accounts = await reading.directory.list_accounts(AccountQuery(), PageRequest(200))
    events = await reading.audit.list_events(AuditQuery(user="a"), PageRequest(200))
    return [
        list(accounts.rows),
        [await reading.sessions.find(session_id(kind)) for kind in KINDS],
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
        for store in (self.model, *self.stores):
            store.revocations.news()
        self.now = NOW

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
        expected = list(self.model.revocations.news() or ())
        for store in self.stores:
            assert list(store.revocations.news() or ()) == expected

    def teardown(self) -> None:
        async def close() -> None:
            for store in self.stores:
                await store.close()

        self.runner.run(close())
        self.runner.close()
        self.folder.cleanup()


@pytest.mark.parametrize("examples", [300])
def test_memory_and_sqlite_agree(template: Path, examples: int) -> None:
    class OnTheTemplate(Agreement):
        pass

    OnTheTemplate.template = template
    run_state_machine_as_test(
        OnTheTemplate, settings=settings(max_examples=examples, stateful_step_count=30)
    )
