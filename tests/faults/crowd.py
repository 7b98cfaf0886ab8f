"""People who use two nodes while something fails, and keep account of every answer."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import httpx2

from tests import kept
from tests.driving import PASSWORD, Holder, Server
from watchword.domain.time import SECOND

LONGEST = 14.0  # seconds: waiting for a connection, opening it and a statement each have an end
_HUNG = 30.0
_PAUSE, _EVERY = 0.005, 0.1
_STUCK = 4.0  # seconds: no machine is so busy, and no time of ours so short
EXPECTED = frozenset({200, 201, 401, 404, 503})


@dataclass(frozen=True, slots=True)
class Answer:
    """``began`` and ``took`` in seconds."""

    what: str
    node: int
    status: int
    began: float
    took: float


@dataclass
class Ledger:
    """``ended``: when it was acknowledged, and by which node, that a session is over."""

    answers: list[Answer] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    registered: set[str] = field(default_factory=set)
    ended: dict[str, tuple[float, int]] = field(default_factory=dict)

    def statuses(self) -> Counter[int]:
        return Counter(answer.status for answer in self.answers)


class Crowd:
    """``direct`` is the database without whatever fails on the way to it."""

    expected = EXPECTED
    victims = 60

    def __init__(self, nodes: tuple[Server, Server], direct: kept.Database) -> None:
        self._nodes = nodes
        self._direct = direct
        self.ledger = Ledger()
        self._numbers = iter(range(1_000_000))
        self._is_over = False
        self._bound = nodes[0].core.settings.revocation_bound / SECOND
        self._victims: list[Holder] = []
        self._keepers: list[Holder] = []

    async def arrive(self) -> None:
        one = self._nodes[0]
        await one.register()
        self._keepers = [await one.sign_in() for _ in range(4)]
        self._victims = [await one.sign_in() for _ in range(self.victims)]
        for holder in self._victims:  # both nodes know everybody
            for node in range(2):
                assert await self._is_let_in(holder, node)

    async def act(self) -> None:
        """Until `leave`."""
        own = self._keepers
        await asyncio.gather(
            *(self._use(own[node], node) for node in range(2)),
            *(self._refresh(own[2 + node], node) for node in range(2)),
            *(self._revoke(own[node], node) for node in range(2)),
            *(self._probe(node) for node in range(2)),
            *(self._come(node) for node in range(2)),
        )

    def leave(self) -> None:
        self._is_over = True

    # --- what they do

    def _turns(self) -> Iterator[None]:
        while not self._is_over:
            yield

    async def _ask(
        self, what: str, node: int, holder: Holder | None, method: str, path: str, **more: Any
    ) -> httpx2.Response:
        """Noted with how long it took; a hang, or anything but a problem of ours, is a fault."""
        await asyncio.sleep(_PAUSE)
        client = self._nodes[node].client(f"198.51.100.{node + 1}")
        headers = {**(holder.headers() if holder else {}), "Content-Type": "application/json"}
        began = perf_counter()
        async with asyncio.timeout(_HUNG):
            answer = await client.request(method, path, headers=headers, **more)
        await client.aclose()
        took = perf_counter() - began
        self.ledger.answers.append(Answer(what, node, answer.status_code, began, took))
        if answer.status_code == 503 and "retry-after" not in answer.headers:
            self.ledger.faults.append(f"{what}: 503 without Retry-After")
        if answer.status_code not in self.expected:
            self.ledger.faults.append(f"{what}: {answer.status_code} {answer.text}")
        if took > LONGEST:
            self.ledger.faults.append(f"{what}: answered after {took:.1f} s")
        return answer

    async def _come(self, node: int) -> None:
        """Newcomers do not wait until those before them have been answered."""
        waiting: list[asyncio.Task[object]] = []
        for _ in self._turns():
            use = self._ask("use", node, self._keepers[node], "GET", "/profile")
            waiting += [asyncio.create_task(use), asyncio.create_task(self._register(node))]
            await asyncio.sleep(_EVERY)
        await asyncio.gather(*waiting)

    async def _use(self, holder: Holder, node: int) -> None:
        for _ in self._turns():
            answer = await self._ask("use", node, holder, "GET", "/profile")
            if answer.status_code == 401:
                self.ledger.faults.append(f"put out: {answer.text}")

    async def _refresh(self, holder: Holder, node: int) -> None:
        """A lost answer is asked for again."""
        for _ in self._turns():
            body = {"refreshToken": holder.refresh_token}
            answer = await self._ask("refresh", node, None, "POST", "/auth/refresh", json=body)
            if answer.status_code == 200:
                holder.refresh_token = answer.json()["refreshToken"]
            elif answer.status_code == 401:
                self.ledger.faults.append(f"signed out: {answer.text}")

    async def _register(self, node: int) -> None:
        email = f"p{next(self._numbers)}@example.com"
        body = {"email": email, "password": PASSWORD}
        answer = await self._ask("register", node, None, "POST", "/auth/register", json=body)
        if answer.status_code == 201:
            self.ledger.registered.add(email)

    async def _revoke(self, own: Holder, node: int) -> None:
        """Again until it is acknowledged, or is told to have happened."""
        mine = self._victims[node::2]
        for _, victim in zip(self._turns(), mine, strict=False):
            path = f"/sessions/{victim.session_id}"
            status = 503
            while status == 503 and not self._is_over:
                status = (await self._ask("revoke", node, own, "DELETE", path)).status_code
            if status in {200, 404}:
                self.ledger.ended[victim.session_id] = (perf_counter(), node)
            await asyncio.sleep(10 * _PAUSE)

    async def _probe(self, node: int) -> None:
        """Those whose end was acknowledged, the latest first, on both nodes."""
        for _ in self._turns():
            ended = list(self.ledger.ended)[-8:]
            for holder in [v for v in self._victims if v.session_id in ended]:
                await self._require_out(holder, node)
            await asyncio.sleep(_PAUSE)

    async def _require_out(self, holder: Holder, node: int) -> None:
        at, by = self.ledger.ended[holder.session_id]
        began = perf_counter()
        answer = await self._ask("probe", node, holder, "GET", "/profile")
        bound = 0.0 if node == by else self._bound
        if answer.status_code == 200 and began - at > bound:
            self.ledger.faults.append(f"let in on {node}, {began - at:.3f} s after its end on {by}")

    async def _is_let_in(self, holder: Holder, node: int) -> bool:
        answer = await self._ask("use", node, holder, "GET", "/profile")
        return answer.status_code == 200

    # --- what is left

    def recovered(self, since: float) -> float:
        """How long after ``since`` the last one asked who was refused, or kept waiting in vain."""
        later = [answer for answer in self.ledger.answers if answer.began > since]
        troubled = [a for a in later if a.status == 503 or a.took > _STUCK]
        return max((answer.began - since for answer in troubled), default=0.0)

    async def require_kept(self) -> None:
        """Whatever was acknowledged is there."""
        emails = {row["email"] for row in kept.rows(self._direct, "SELECT email FROM users")}
        assert self.ledger.registered <= emails
        over = kept.rows(self._direct, "SELECT id FROM sessions WHERE ended_at IS NOT NULL")
        assert self.ledger.ended.keys() <= {row["id"] for row in over}
        for holder in self._keepers:
            for node in range(2):
                assert await self._is_let_in(holder, node)
        for holder in self._victims:
            if holder.session_id in self.ledger.ended:
                for node in range(2):
                    assert not await self._is_let_in(holder, node)
