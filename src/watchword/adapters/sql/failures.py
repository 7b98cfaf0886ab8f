"""A database that cannot answer, and who is told what it was asked."""

from collections.abc import Callable

from watchword.domain.errors import Unavailable

# Told what the store did, and in how many seconds; from any thread.
Observe = Callable[[str, float], None]


def unobserved(_: str, __: float) -> None:
    """For who does not want to know."""


class StoreFailed(Unavailable):
    """The database refused; ``remedy`` is for the operator's log, never for a client."""

    def __init__(self, remedy: str) -> None:
        super().__init__()
        self.remedy = remedy

    def __str__(self) -> str:
        return self.remedy
