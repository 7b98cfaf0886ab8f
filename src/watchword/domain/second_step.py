"""Half a sign-in: the first factor was shown, and the second one is still to come."""

from dataclasses import dataclass
from typing import Final

from watchword.domain.factors import Methods
from watchword.domain.sessions import Transport
from watchword.domain.time import DAY, Span

TRIES: Final = 5
TRUSTED_FOR: Final[Span] = 30 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStep:
    """How the first factor was shown, and how the session was asked to be held."""

    methods: Methods
    transport: Transport
    remember: bool
    trusts_device: bool

    def to_text(self) -> str:
        flags = f"{int(self.remember)}{int(self.trusts_device)}"
        return " ".join((self.transport, flags, *self.methods))

    @classmethod
    def parse(cls, text: str) -> "FirstStep":
        """What `to_text` wrote."""
        transport, flags, *methods = text.split(" ")
        return cls(
            methods=tuple(methods),
            transport=Transport(transport),
            remember=flags[0] == "1",
            trusts_device=flags[1] == "1",
        )
