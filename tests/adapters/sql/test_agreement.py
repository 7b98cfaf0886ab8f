"""Whatever is done in whatever order, SQLite answers what the dicts answer.

The store in memory is so simple that it can be read; two stores on one file, used in turn, must
give the same answers, hold the same rows and hear the same news.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from watchword.adapters.memory import MemoryStore
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.domain.accounts import Status
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.errors import Refusal
from watchword.domain.events import Registered
from watchword.domain.links import Link, Purpose
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import DAY, HOUR, MINUTE, Instant, Span
from watchword.ports import (
    AccountQuery,
    Allowance,
    AuditQuery,
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
        number = 0
        while await unit.sessions.find(session_id(name, number)) is not None:
            number += 1
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


names, numbers = st.sampled_from("aab"), st.sampled_from([0, 0, 0, 1, 1, 2, 3])
hashes = st.sampled_from(["one", "one", "two"])
roles = st.sampled_from(["admin", "admin", "user"])
statuses = st.sampled_from([Status.ACTIVE, Status.ACTIVE, Status.DISABLED])
reasons = st.sampled_from(EndReason)
secrets, kids = st.integers(0, 2), st.sampled_from("xyz")
offs = st.sampled_from([0, 0, 0, -1, 1])
spans = st.sampled_from([1, MINUTE, 10 * MINUTE, -MINUTE] * 3 + [HOUR - 1, HOUR, DAY])

accounts = st.one_of(
    st.builds(insert, names, roles, statuses, st.none() | hashes),
    st.builds(change_role, names, roles),
    st.builds(change_status, names, statuses),
    st.builds(change_password, names, hashes, hashes),
    st.builds(delete, st.sampled_from("bbba")),
    st.builds(remember_device, names),
    st.builds(write_event, names),
)
opened = st.builds(
    open_session,
    names,
    st.sampled_from(Transport),
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from([None, None, "one", "two"]),
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
steps = st.one_of(accounts, *[opened] * 8, *[sessions] * 3, records)


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
        [await reading.sessions.find(session_id(name, n)) for name in NAMES for n in range(6)],
        [list(await reading.sessions.list_live(f"u-{name}", now)) for name in NAMES],
        [await reading.devices.is_known(f"u-{name}", b"d") for name in NAMES],
        list(await reading.keys.list_keys()),
        [(event.at, event.subject) for event in events.rows],
        await reading.directory.has_admin(),
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


def attempt(key: str) -> Command:
    return Command(
        f"attempt({key})", lambda s, now: outcome(s.lockouts.begin(key, POLICY, now=now))
    )


def succeed(key: str) -> Command:
    return Command(f"succeed({key})", lambda s, _: s.lockouts.succeed(key))


async def clean_up(store: ConformingStore, now: Instant) -> None:
    """How many rows a window takes is a store's own affair."""
    await store.purge(now, at_most=10_000)


todos = st.lists(steps, min_size=1, max_size=3)
locks = st.sampled_from(["account:u-a", "address:0"])
commands = st.one_of(
    *[st.builds(committed, todos)] * 8,
    st.builds(abandoned, todos),
    *[st.builds(hit, names, st.none() | names)] * 2,
    st.builds(forgive, names, names),
    *[st.builds(attempt, locks)] * 2,
    st.builds(succeed, locks),
    st.just(Command("clean up", clean_up)),
)
pauses = st.one_of(*[st.just(0)] * 3, spans)
stories = st.lists(st.tuples(pauses, commands, st.booleans()), min_size=20, max_size=50)
Story = list[tuple[Span, Command, bool]]


@contextlib.asynccontextmanager
async def two_on_one_file(template: Path) -> AsyncIterator[list[SqliteStore]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(template, folder))
        stores = [SqliteStore(path), SqliteStore(path)]
        yield stores
        for store in stores:
            await store.close()


async def live_through(story: Story, template: Path) -> None:
    beginning = [
        insert("a", "admin", Status.ACTIVE, "one"),
        insert("b", "user", Status.ACTIVE, None),
    ]
    now, model = NOW, MemoryStore()
    async with two_on_one_file(template) as stores:
        everybody: list[ConformingStore] = [model, *stores]
        await commit(model, beginning, now)
        await commit(stores[0], beginning, now)
        for store in everybody:
            store.revocations.news()
        for pause, command, turn in story:
            now += pause
            expected = await command.run(model, now)
            assert await command.run(stores[turn], now) == expected, command
            news, *heard = [list(store.revocations.news() or ()) for store in everybody]
            assert heard == [news, news], command
            assert await everything(stores[not turn], now) == await everything(model, now), command


@settings(max_examples=60)
@given(story=stories)
def test_memory_and_sqlite_agree(template: Path, story: Story) -> None:
    asyncio.run(live_through(story, template))
