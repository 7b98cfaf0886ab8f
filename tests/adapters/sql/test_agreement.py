"""Whatever is done in whatever order, every database answers what the dicts answer.

The store in memory is so simple that it can be read; two stores on one database, used in turn, must
give the same answers, hold the same rows and hear the same news.
"""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TypeVar

import pytest

from tests import in_memory
from watchword.adapters.memory import MemoryStore
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.store import ByDatabase, PostgresStore
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.domain.accounts import Status
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.errors import Refusal
from watchword.domain.events import Registered
from watchword.domain.links import Link, Purpose
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND, Instant, Span
from watchword.ports import (
    AccountQuery,
    Allowance,
    AuditQuery,
    Change,
    PageRequest,
    RequestTrace,
    StoredKey,
    Topic,
    Unit,
)
from watchword.testing import FakeClock, SeededRandomness
from watchword.testing.conformance.ground import (
    NOW,
    Abandoned,
    ConformingStore,
    a_session,
    an_account,
)

SEEDS, LENGTH = 5, 200
NAMES, MOST = "ab", 20
Option = TypeVar("Option")
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

    @wraps(make)
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
        number = await newest(unit, name) + 1
        if number == MOST:
            return None
        session = a_session(an_account(name), at=now, transport=transport)
        session = replace(session, id=session_id(name, number))
        return await unit.sessions.open(session, limit=limit, evicts=evicts, proven=proven)

    return run


@named
def rotate(name: str, back: int, off: int) -> Verb:
    """At the current generation, or ``off`` it."""

    async def run(unit: Unit, now: Instant) -> object:
        id_ = session_id(name, await newest(unit, name) - back)
        standing = await unit.sessions.find(id_)
        generation = off + (standing.session.generation if standing else 0)
        return await unit.sessions.rotate(id_, generation, now=now)

    return run


@named
def reprove(name: str, back: int, off: int, amr: tuple[str, ...]) -> Verb:
    async def run(unit: Unit, now: Instant) -> object:
        standing = await unit.sessions.find(session_id(name, await newest(unit, name) - back))
        if standing is None:
            return None
        given = replace(standing.session, proof=standing.session.proof + off)
        return await unit.sessions.reprove(given, amr, now=now)

    return run


@named
def end(name: str, back: int, reason: EndReason) -> Verb:
    async def run(unit: Unit, now: Instant) -> object:
        id_ = session_id(name, await newest(unit, name) - back)
        return await unit.sessions.end(id_, reason, now=now)

    return run


@named
def end_all(name: str, reason: EndReason, back: int | None) -> Verb:
    async def run(unit: Unit, now: Instant) -> object:
        keep = None if back is None else session_id(name, await newest(unit, name) - back)
        return await unit.sessions.end_all(f"u-{name}", reason, now=now, keep=keep)

    return run


@named
def touch(name: str, back: int, span: int) -> Verb:
    async def run(unit: Unit, now: Instant) -> None:
        id_ = session_id(name, await newest(unit, name) - back)
        await unit.sessions.touch([(id_, now + span), ("s-nowhere", now)])

    return run


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
    return f"s-{name}-{number}"


async def newest(unit: Unit, name: str) -> int:
    """The number of the session that was opened last, -1 if there is none."""
    found = [await unit.sessions.find(session_id(name, number)) for number in range(MOST)]
    return max((number for number, one in enumerate(found) if one is not None), default=-1)


class Chance:
    """Draws that are the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._randomness = SeededRandomness(seed)

    def pick(self, options: Sequence[Option]) -> Option:
        return options[int.from_bytes(self._randomness.bytes(4)) % len(options)]

    @property
    def name(self) -> str:
        return self.pick("aab")

    @property
    def number(self) -> int:
        return self.pick([0, 0, 1, 1, 2, 3])

    @property
    def status(self) -> Status:
        return self.pick([Status.ACTIVE] * 3 + [Status.DISABLED])

    @property
    def reason(self) -> EndReason:
        return self.pick(list(EndReason))

    @property
    def hash(self) -> str:
        return self.pick(["one", "two"])

    @property
    def off(self) -> int:
        return self.pick([0, 0, 0, -1, 1])

    @property
    def pause(self) -> Span:
        return self.pick([0] * 40 + [1, MINUTE, 10 * MINUTE, -MINUTE] * 3 + [HOUR - 1, HOUR, DAY])


PROOFS: list[str | None] = [None] * 5 + ["one", "two"]
METHODS: list[tuple[str, ...]] = [("pwd",), ("pwd", "otp")]
ROLES = ["admin", "admin", "user"]
# How often, and what.
STEPS: list[tuple[int, Callable[[Chance], Step]]] = [
    (2, lambda c: insert(c.name, c.pick(ROLES), c.status, c.pick(PROOFS))),
    (1, lambda c: change_role(c.name, c.pick(ROLES))),
    (1, lambda c: change_status(c.name, c.status)),
    (1, lambda c: change_password(c.name, c.hash, c.hash)),
    (1, lambda c: delete(c.pick("bbba"))),
    (1, lambda c: remember_device(c.name)),
    (2, lambda c: write_event(c.name)),
    (
        8,
        lambda c: open_session(
            c.name,
            c.pick(list(Transport)),
            c.pick([1, 2, 3]),
            c.pick([True, False]),
            c.pick(PROOFS),
        ),
    ),
    (4, lambda c: rotate(c.name, c.number, c.off)),
    (3, lambda c: reprove(c.name, c.number, c.off, c.pick(METHODS))),
    (1, lambda c: end(c.name, c.number, c.reason)),
    (1, lambda c: end_all(c.name, c.reason, c.pick([None, 0, 1, 2]))),
    (3, lambda c: touch(c.name, c.number, c.pause)),
    (2, lambda c: make_link(c.pick([None, "a", "b"]), c.pick([0, 1, 2]))),
    (2, lambda c: use_link(c.pick([0, 1, 2]))),
    (1, lambda c: make_key(c.pick("xyz"))),
    (2, lambda c: activate_key(c.pick("xyz"), c.pick([MINUTE, HOUR]))),
]
WEIGHTED_STEPS = [make for weight, make in STEPS for _ in range(weight)]


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
    with contextlib.suppress(Abandoned):
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
        [await reading.sessions.find(session_id(name, n)) for name in NAMES for n in range(MOST)],
        [list(await reading.sessions.list_live(f"u-{name}", now)) for name in NAMES],
        [await reading.devices.is_known(f"u-{name}", b"d") for name in NAMES],
        list(await reading.keys.list_keys()),
        [(event.at, event.subject) for event in events.rows],
        await reading.administrators.has_any(),
        await store.count_live_sessions(now),
    ]


@dataclass(frozen=True)
class Command:
    """Something to do with a whole store."""

    name: str
    run: Callable[[ConformingStore, Instant], Awaitable[object]]

    def __repr__(self) -> str:
        return self.name


def committed(todo: list[Step]) -> Command:
    return Command(f"commit{todo}", lambda store, now: commit(store, todo, now))


def abandoned(todo: list[Step]) -> Command:
    return Command(f"abandon{todo}", lambda store, now: abandon(store, todo, now))


def hit(key: str, share: str | None) -> Command:
    return Command(
        f"hit({key}, {share})", lambda s, now: s.limits.hit(key, ALLOWANCE, now=now, share=share)
    )


def forgive(key: str, share: str) -> Command:
    async def run(store: ConformingStore, now: Instant) -> object:
        await store.limits.forgive(key, share)
        return await store.limits.peek(key, ALLOWANCE, now=now)

    return Command(f"forgive({key}, {share})", run)


def take_back(key: str, share: str) -> Command:
    return Command(f"take_back({key}, {share})", lambda s, _: s.limits.take_back(key, share))


def take_back_attempt(key: str) -> Command:
    return Command(f"take_back_attempt({key})", lambda s, _: s.lockouts.take_back(key, POLICY))


def attempt(key: str) -> Command:
    return Command(
        f"attempt({key})", lambda s, now: outcome(s.lockouts.begin(key, POLICY, now=now))
    )


def succeed(key: str) -> Command:
    return Command(f"succeed({key})", lambda s, _: s.lockouts.succeed(key))


async def clean_up(store: ConformingStore, now: Instant) -> None:
    """How many rows a window takes is a store's own affair."""
    await store.purge(now, at_most=10_000)


def steps(chance: Chance) -> list[Step]:
    return [chance.pick(WEIGHTED_STEPS)(chance) for _ in range(chance.pick([1, 2, 3]))]


LOCKS = ["account:u-a", "address:0"]
COMMANDS: list[tuple[int, Callable[[Chance], Command]]] = [
    (12, lambda c: committed(steps(c))),
    (2, lambda c: abandoned(steps(c))),
    (4, lambda c: hit(c.name, c.pick([None, "a", "b"]))),
    (2, lambda c: forgive(c.name, c.name)),
    (3, lambda c: attempt(c.pick(LOCKS))),
    (1, lambda c: succeed(c.pick(LOCKS))),
    (2, lambda c: take_back(c.name, c.name)),
    (2, lambda c: take_back_attempt(c.pick(LOCKS))),
    (1, lambda _: Command("clean up", clean_up)),
]
WEIGHTED_COMMANDS = [make for weight, make in COMMANDS for _ in range(weight)]


@contextlib.asynccontextmanager
async def two_on_one_file(template: Path) -> AsyncIterator[list[ConformingStore]]:
    with tempfile.TemporaryDirectory(dir=in_memory.place()) as folder:
        path = Path(shutil.copy(template, folder))
        stores: list[ConformingStore] = [
            SqliteStore(path, clock=FakeClock()),
            SqliteStore(path, clock=FakeClock()),
        ]
        yield stores
        for store in stores:
            await store.close()


async def hear(
    store: ConformingStore, expected: list[Change], *, ends: bool = False
) -> list[Change]:
    """From another node it takes a moment; what is too much shows here, or the next time. To hear
    the same twice of one transaction is to hear it once. A node that ``ends`` sessions may go by
    that for one that had ended, and for all of a user's.
    """
    news = dict.fromkeys(store.revocations.news() or ())
    async with asyncio.timeout(5):
        while len(news) < len(expected):
            await asyncio.sleep(0)
            news |= dict.fromkeys(store.revocations.news() or ())
    return [each for each in news if each in expected or not ends or each.topic is Topic.KEYS]


async def live_through(chance: Chance, stores: list[ConformingStore], length: int) -> None:
    beginning = [
        insert("a", "admin", Status.ACTIVE, "one"),
        insert("b", "user", Status.ACTIVE, None),
    ]
    now, model = NOW, MemoryStore(clock=FakeClock())
    everybody: list[ConformingStore] = [model, *stores]
    await commit(model, beginning, now)
    await commit(stores[0], beginning, now)
    for store in everybody:
        store.revocations.news()
    for _ in range(length):
        command, turn = chance.pick(WEIGHTED_COMMANDS)(chance), chance.pick([0, 1])
        now += chance.pause
        expected = await command.run(model, now)
        assert await command.run(stores[turn], now) == expected, command
        news = list(dict.fromkeys(model.revocations.news() or ()))
        ends = command.name.startswith("commit") and "end" in command.name
        heard = await hear(stores[turn], news, ends=ends)
        assert [heard, await hear(stores[1 - turn], news)] == [news, news], command
        assert await everything(stores[1 - turn], now) == await everything(model, now), command


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_memory_and_sqlite_agree(template: Path, seed: int) -> None:
    async with two_on_one_file(template) as stores:
        await live_through(Chance(seed), stores, LENGTH)


@pytest.mark.parametrize("seed", range(SEEDS, SEEDS + 2))
async def test_memory_and_postgres_agree(postgres_url: str, seed: int) -> None:
    address = Address.parse(postgres_url)
    stores = [
        PostgresStore(
            address,
            ByDatabase(time.perf_counter, MINUTE),
            clock=FakeClock(),
            randomness=SeededRandomness(number),
        )
        for number in (1, 2)
    ]
    for store in stores:
        await store.revocations.ready(5 * SECOND)
    await live_through(Chance(seed), list(stores), LENGTH // 4)
    for store in stores:
        await store.close()
