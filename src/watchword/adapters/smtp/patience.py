"""How long a relay is waited for."""

from dataclasses import dataclass

from watchword.domain.time import SECOND, Span


@dataclass(frozen=True, slots=True)
class Patience:
    """In ms: how long the relay may take to be there, to take one mail, and to say goodbye."""

    connect: Span = 10 * SECOND
    whole: Span = 60 * SECOND
    goodbye: Span = 2 * SECOND
