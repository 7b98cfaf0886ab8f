"""Two nodes on one database, and people who use, refresh and end their sessions on both at once.

Everything that is done is recorded with when it began and ended, and is judged when it is over.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.kept import moving_sessions, named_database
from tests.opening import Lines, open_cheaply
from watchword.bootstrap import Core
from watchword.domain.accounts import EmailAddress, Status
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.devices import Origin
from watchword.domain.errors import (
    InvalidCredentials,
    NotAuthenticated,
    Refusal,
    SessionExpired,
    SessionRevoked,
    TokenExpired,
    TokenReused,
    Unavailable,
)
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.standing import Caller
from watchword.domain.time import HOUR, MINUTE, SECOND
from watchword.flows.grants import Grant
from watchword.flows.sign_in import Arrival
from watchword.ports import RequestTrace
from watchword.settings import Settings
from watchword.testing import FakeClock, SeededRandomness

NODES, HANDS, PEOPLE = 2, 16, 12
TRACE = RequestTrace()
PHRASES = ("a phrase of some length, the first", "a phrase of some length, the second")
SETTINGS: dict[str, Any] = {
    "access_token_ttl": 15 * MINUTE,
    "session_idle_ttl": HOUR,
    "max_sessions": 200,
    "lockout_policy": LockoutPolicy(failures=10_000, first_lock=MINUTE),
    "hash_threads": 1,
}
_LONGEST_STEP = 30  # ms by which the clock of both goes on at each deed
# Of a hundred deeds; the others are uses.
_MIX: tuple[str, ...] = (
    *("sign in",) * 9,
    *("refresh",) * 22,
    *("touch",) * 5,
    *("end",) * 5,
    *("end all", "change password", "disable"),
)
# Sessions that have ended are tried again: the last few at once, others past the bound.
_RECENT, _LAST = 600, 8


@dataclass(frozen=True, slots=True)
class Deed:
    """In seconds. ``outcome``: whether it let somebody in, or None if it says nothing of that."""

    kind: str
    node: int
    began: float
    ended: float
    outcome: bool | None


@dataclass(slots=True, eq=False)
class Held:
    """A session as its person knows it. ``endings`` were begun when it was open, and end it;
    ``near`` were under way while it was opened, and may have.
    """

    id: str
    person: "Person"
    token: str
    access: str
    generation: int = 1
    deeds: list[Deed] = field(default_factory=list)
    endings: list["Ending"] = field(default_factory=list)
    near: list["Ending"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Ending:
    """``acknowledged`` is when its answer came, if it was a yes: also when another had ended them
    before, of which ``node`` may not have heard yet.
    """

    node: int
    began: float
    acknowledged: float | None = None


@dataclass(slots=True, eq=False)
class Person:
    id: str
    email: str
    phrase: int = 0
    held: list[Held] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    secret: asyncio.Lock = field(default_factory=asyncio.Lock)
    status: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Verdict:
    """``survivors`` were let in after the acknowledged end of their session (on another node:
    after the bound as well), ``revived`` are alive in the store, ``lost`` were put out although
    nobody had ended them. ``longest``: for how many seconds another node still let somebody in.
    """

    deeds: int = 0
    endings: int = 0
    survivors: list[str] = field(default_factory=list)
    revived: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    longest: float = 0.0
    unavailable: int = 0

    @property
    def holds(self) -> bool:
        return not (self.survivors or self.revived or self.lost)

    def add(self, other: "Verdict") -> None:
        self.deeds += other.deeds
        self.endings += other.endings
        self.survivors += other.survivors
        self.revived += other.revived
        self.lost += other.lost
        self.longest = max(self.longest, other.longest)
        self.unavailable += other.unavailable


class Interleavings:
    """``bound`` in seconds: for how long another node than the one that ended a session may still
    let it in. 0 where nodes see each other's commits at once.
    """

    def __init__(self, nodes: list[Core], clock: FakeClock, *, bound: float, seed: int) -> None:
        self._nodes = nodes
        self._clock = clock
        self._bound = bound
        self._chance = SeededRandomness(seed)
        self._people: list[Person] = []
        self._recent: list[Held] = []
        self._verdict = Verdict()
        self._count = 0

    @classmethod
    async def open(cls, folder: Path, *, seed: int, **more: Any) -> "Interleavings":
        """Of what ``folder`` is kept in; ``more`` settings of both nodes."""
        clock, url = FakeClock(), named_database(folder)
        kept = {"database_url": url, **moving_sessions(folder), **more}
        settings = Settings(data_dir=folder, **kept, **SETTINGS)
        nodes = []
        for number in range(NODES):
            core = await open_cheaply(
                settings, clock=clock, log=Lines(), seed=NODES * seed + number
            )
            await core.prepare()
            nodes.append(core)
        bound = settings.revocation_bound / SECOND if url else 0.0
        return cls(nodes, clock, bound=bound, seed=seed)

    async def close(self) -> None:
        for core in self._nodes:
            await core.close()

    async def round(self, deeds: int) -> Verdict:
        """So many by people of their own, who are gone afterwards."""
        self._verdict, self._count = Verdict(), deeds
        self._people, self._recent = [], []
        for _ in range(PEOPLE):
            email = f"p{self._chance.bytes(6).hex()}@example.com"
            account = await self._nodes[0].services.registration.register(email, PHRASES[0], TRACE)
            self._people.append(Person(account.id, email))
        await asyncio.gather(*(self._act() for _ in range(HANDS)))
        await self._judge()
        for person in self._people:
            async with self._nodes[0].store.transaction() as unit:
                await unit.accounts.delete(person.id)
        return self._verdict

    # --- what is done

    def _below(self, count: int) -> int:
        return int.from_bytes(self._chance.bytes(4)) % count

    async def _act(self) -> None:
        acts: dict[str, Callable[[int, Person, Held], Awaitable[None]]] = {
            "refresh": self._refresh,
            "end": self._end,
            "end all": self._end_all,
            "change password": self._change_password,
            "disable": self._disable,
        }
        while self._count > 0:
            self._count -= 1
            self._verdict.deeds += 1
            self._clock.advance(self._below(_LONGEST_STEP))
            for _ in range(self._below(3)):
                await asyncio.sleep(0)
            node, person = self._below(NODES), self._people[self._below(PEOPLE)]
            number = self._below(100)
            what = _MIX[number] if number < len(_MIX) else "use"
            held = self._choose(person)
            if what == "touch":
                await self._nodes[node].services.standings.flush()
            elif what == "sign in" or held is None:
                await self._sign_in(node, person)
            else:
                await acts.get(what, self._use)(node, person, held)

    def _choose(self, person: Person) -> Held | None:
        """One of theirs, or one of anybody's that has just ended."""
        if self._recent and self._below(3) == 0:
            back = self._below(min(len(self._recent), _LAST if self._below(2) else _RECENT))
            return self._recent[-1 - back]
        living = person.held[-6:]
        return living[self._below(len(living))] if living else None

    async def _sign_in(self, node: int, person: Person) -> None:
        arrival = Arrival(transport=Transport.BODY, origin=Origin("", ""), trace=TRACE)
        began = perf_counter()
        sign_in = self._nodes[node].services.sign_in
        try:
            phrase = PHRASES[person.phrase]
            grant = await sign_in(EmailAddress.parse(person.email), phrase, arrival)
        except (InvalidCredentials, Refusal):
            return  # their password was changed just then, or they were disabled
        assert isinstance(grant, Grant)
        assert grant.access is not None
        held = Held(grant.session.id, person, grant.held, grant.access.text)
        held.near = [e for e in person.endings if not e.acknowledged or e.acknowledged > began]
        person.held.append(held)

    async def _use(self, node: int, _: Person, held: Held) -> None:
        await self._try("use", node, held)

    async def _refresh(self, node: int, _: Person, held: Held) -> None:
        grant = await self._try("refresh", node, held)
        if isinstance(grant, Grant) and grant.access is not None:
            read = self._nodes[node].services.grants.refresh_tokens.read(grant.held)
            if read.generation > held.generation:
                held.generation, held.token = read.generation, grant.held
            held.access = grant.access.text

    async def _try(self, kind: str, node: int, held: Held) -> Grant | Caller | None:
        """Note whether it let them in."""
        services = self._nodes[node].services
        began = perf_counter()
        answer: Grant | Caller | None = None
        outcome: bool | None = True
        try:
            if kind == "refresh":
                answer = await services.refresh(held.token, TRACE)
            else:
                answer = await services.access.by_access_token(held.access)
        except Unavailable:
            self._verdict.unavailable += 1
            outcome = None
        except TokenExpired:
            outcome = None
        except (SessionRevoked, SessionExpired, TokenReused, NotAuthenticated) as refusal:
            outcome = False
            kind = f"{kind}: {type(refusal).__name__}"
        held.deeds.append(Deed(kind, node, began, perf_counter(), outcome))
        return answer

    async def _end(self, node: int, _: Person, held: Held) -> None:
        sessions = self._nodes[node].services.sessions
        await self._ending(
            node, held.person, [held], sessions.end(held.id, EndReason.SIGNED_OUT, TRACE)
        )

    async def _end_all(self, node: int, person: Person, _: Held) -> None:
        work = self._nodes[node].services.sessions.end_all(person.id, TRACE)
        await self._ending(node, person, person.held, work)

    async def _disable(self, node: int, person: Person, _: Held) -> None:
        change = self._nodes[node].services.users.change_status
        work = change(None, person.id, Status.DISABLED, TRACE)
        async with person.status:
            await self._ending(node, person, person.held, work)
            await change(None, person.id, Status.ACTIVE, TRACE)

    async def _change_password(self, node: int, _: Person, own: Held) -> None:
        person, services = own.person, self._nodes[node].services
        async with person.secret:
            try:
                caller = await services.access.by_access_token(own.access)
            except Refusal:
                return
            new = 1 - person.phrase
            change = services.credentials.change_password
            work = change(caller, PHRASES[person.phrase], PHRASES[new], TRACE, device=None)
            others = [held for held in person.held if held is not own]
            if await self._ending(node, person, others, work):
                person.phrase = new

    async def _ending(
        self, node: int, person: Person, those: list[Held], work: Awaitable[object]
    ) -> bool:
        """All of ``those``; one of ``person`` that is just being opened it may end."""
        ending = Ending(node, perf_counter())
        ended = list(those)
        for held in ended:
            held.endings.append(ending)
        person.endings.append(ending)
        try:
            await work
        except Refusal:
            return False
        ending.acknowledged = perf_counter()
        self._verdict.endings += 1
        self._recent = [*self._recent, *ended][-_RECENT:]
        return True

    # --- what came of it

    async def _judge(self) -> None:
        for person in self._people:
            for held in person.held:
                self._judge_deeds(held)
                await self._judge_rest(held)

    def _judge_deeds(self, held: Held) -> None:
        acknowledged = [e for e in held.endings if e.acknowledged is not None]
        for deed in held.deeds:
            begun = [*held.endings, *held.near]
            if deed.outcome is False and not any(e.began < deed.ended for e in begun):
                self._verdict.lost.append(f"{deed.kind} on {deed.node}")
            if not deed.outcome:
                continue
            for ending in acknowledged:
                since = deed.began - (ending.acknowledged or 0.0)
                is_elsewhere = deed.kind == "use" and deed.node != ending.node
                if since > (self._bound if is_elsewhere else 0.0):
                    told = f"{deed.kind} on {deed.node}, {since:.6f} s after it was ended"
                    self._verdict.survivors.append(f"{told} on {ending.node}")
                elif is_elsewhere:
                    self._verdict.longest = max(self._verdict.longest, since)

    async def _judge_rest(self, held: Held) -> None:
        """What the store says in the end, and what one node does by it."""
        standing = await self._nodes[0].store.reading.sessions.find(held.id)
        assert standing is not None
        is_over = any(ending.acknowledged is not None for ending in held.endings)
        if is_over and standing.session.ended_at is None:
            self._verdict.revived.append(held.id)
        if not (held.endings or held.near) and standing.session.ended_at is not None:
            self._verdict.lost.append(f"ended for {standing.session.ended_reason}")
        if is_over:
            before = len(held.deeds)
            await self._try("refresh", before % NODES, held)
            if held.deeds[-1].outcome:
                self._verdict.revived.append(held.id)
