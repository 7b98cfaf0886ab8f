"""A post office of the tests: what was written is kept with its facts, and sent as they say."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.flows.house import House
from watchword.domain.letters import Letter, Reason
from watchword.domain.time import Instant
from watchword.flows.correspondence import Correspondence
from watchword.flows.sending import Sender
from watchword.ports import Composed, Mail


@dataclass(frozen=True)
class Taken:
    """A mail as the relay took it, with what it was made of."""

    id: str
    to: str
    reason: Reason
    facts: Mapping[str, str]
    at: Instant
    language: str

    @property
    def token(self) -> str:
        return re.sub(r".*#token=", "", self.facts["link"])


@dataclass
class PostOffice:
    """Composer, mailer and log in one. ``troubles`` are raised one after another, each for one
    mail; ``meanwhile`` is done while a mail is on its way.
    """

    house: House
    taken: list[Taken] = field(default_factory=list)
    troubles: list[BaseException] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None
    lines: list[tuple[str, Reason, str]] = field(default_factory=list)
    _written: dict[str, tuple[Reason, Mapping[str, str], Instant, str]] = field(
        default_factory=dict
    )

    def compose(
        self, reason: Reason, facts: Mapping[str, str], *, at: Instant, language: str
    ) -> Composed:
        subject = f"mail {len(self._written)}"
        self._written[subject] = (reason, dict(facts), at, language)
        return Composed(subject, "text", "html")

    async def send(self, mail: Mail) -> None:
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.troubles:
            raise self.troubles.pop(0)
        self.taken.append(Taken(mail.id, mail.to, *self._written[mail.content.subject]))

    def sent(self, letter: Letter) -> None:
        self.lines.append(("sent", letter.reason, ""))

    def delayed(self, letter: Letter, reason: str) -> None:
        self.lines.append(("delayed", letter.reason, reason))

    def given_up(self, letter: Letter, reason: str) -> None:
        self.lines.append(("given up", letter.reason, reason))

    @property
    def correspondence(self) -> Correspondence:
        ground = self.house.ground
        return Correspondence(
            store=self.house.store,
            composer=self,
            mailer=self,
            user_agents=ground.user_agents,
            places=ground.places,
            clock=self.house.clock,
            randomness=ground.randomness,
            log=self,
            service="Acme",
            public_url="https://id.example",
        )

    def sender(self, failed: Callable[[Exception], None]) -> Sender:
        return Sender(self.correspondence, failed)

    async def deliver(self) -> list[Taken]:
        """Send what is due; what was taken since the last time."""
        before = len(self.taken)
        while await self.correspondence.send_due(at_most=20):
            pass
        return self.taken[before:]

    async def one(self) -> Taken:
        (taken,) = await self.deliver()
        return taken
