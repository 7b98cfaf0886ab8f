"""Mail: what waits to be written, who writes it, and who carries it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from watchword.domain.letters import Letter, Reason
from watchword.domain.time import Instant, Span


class Outbox(Protocol):
    """Letters in the same transaction as what they tell of."""

    async def put(self, letter: Letter, *, due: Instant) -> None: ...

    async def claim(self, *, now: Instant, lease: Span, at_most: int) -> Sequence[Letter]:
        """Those that are due, each one attempt further; for ``lease`` ms they are nobody else's."""
        ...

    async def hold(self, letter: Letter, *, until: Instant) -> bool:
        """Keep a claimed letter until then. False when it is somebody else's by now, or gone."""
        ...

    async def postpone(self, letter_id: str, *, due: Instant) -> None: ...

    async def remove(self, letter_id: str) -> None:
        """It was sent, or never will be."""
        ...

    async def recall(self, user_id: str) -> None:
        """Those to a user that carry a link and have not gone out."""
        ...


class OutboxReader(Protocol):
    async def count(self, *, due: Instant | None = None) -> int:
        """How many letters wait, or are due by then."""
        ...


@dataclass(frozen=True, slots=True)
class Composed:
    subject: str
    text: str
    html: str


class Composer(Protocol):
    def compose(
        self, reason: Reason, facts: Mapping[str, str], *, at: Instant, language: str
    ) -> Composed:
        """``facts`` are texts for people, foreign ones among them: they are escaped here. ``at`` is
        when that happened which it tells of. Of a language that is not there it is the default.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Mail:
    """``id`` is the same at every attempt, and part of the Message-ID."""

    id: str
    to: str
    content: Composed


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Return once it was taken. Raise `MailRefused` or `MailDelayed`."""
        ...
