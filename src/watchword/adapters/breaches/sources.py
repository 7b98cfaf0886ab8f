"""One question to several sources: whether a password is known from a breach.

Invariant: a source that cannot answer keeps nobody out, and is told of in a line that holds nothing
of the password, its hash or its prefix.
"""

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha1
from typing import Final, Protocol

from watchword.ports import Count, Meter

CLEAN: Final = "clean"
BREACHED: Final = "breached"
UNANSWERED: Final = "unanswered"


class Unanswered(Exception):
    """A source could not say. The text is a reason for operators, in words of ours."""


class Source(Protocol):
    async def holds(self, digest: str) -> bool:
        """``digest`` is a SHA-1 in 40 upper-case hexadecimal digits. Whatever is raised, within a
        second at most, counts as no answer; the text of `Unanswered` alone is logged.
        """
        ...

    async def close(self) -> None: ...


class BreachSources:
    """The port `Breaches`: the sources are asked in their order, until one knows the password.

    Each is named after its setting, and opened on a thread at the first question. ``failed`` is
    told the name of one that did not answer, and why. SHA-1 is the protocol's choice, and protects
    nothing here.
    """

    def __init__(
        self,
        sources: Mapping[str, Callable[[], Source]],
        *,
        meter: Meter,
        failed: Callable[[str, str], None],
    ) -> None:
        self._sources = sources
        self._meter = meter
        self._failed = failed
        self._open: dict[str, Source] = {}
        self._opening = asyncio.Lock()

    async def contains(self, password: str) -> bool:
        if not self._sources:
            return False
        digest = sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        outcome = CLEAN
        for name in self._sources:
            answer = await self._ask(name, digest)
            if answer != CLEAN:
                outcome = answer
            if answer == BREACHED:
                break
        self._meter.count(Count.BREACH_CHECKS, outcome)
        return outcome == BREACHED

    async def _ask(self, name: str, digest: str) -> str:
        try:
            source = await self._opened(name)
            return BREACHED if await source.holds(digest) else CLEAN
        except Unanswered as refusal:
            reason = str(refusal)
        except Exception as error:  # noqa: BLE001  whatever a source does, it keeps nobody out
            reason = type(error).__name__  # its text may hold the address that was asked
        self._failed(name, reason)
        return UNANSWERED

    async def _opened(self, name: str) -> Source:
        async with self._opening:
            if name not in self._open:
                self._open[name] = await asyncio.to_thread(self._sources[name])
        return self._open[name]

    async def close(self) -> None:
        for source in self._open.values():
            await source.close()
