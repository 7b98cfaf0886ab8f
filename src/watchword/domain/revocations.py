"""How long it is told what was revoked: longer than any token lives that it could be about."""

from typing import Final

from watchword.crypto.access_tokens import MAX_LIFETIME
from watchword.domain.time import MINUTE, SECOND, Instant, Span

RETENTION: Final[Span] = MAX_LIFETIME * SECOND + 5 * MINUTE
# Changes are numbered before they are committed, and the clocks of two nodes differ.
OVERLAP: Final[Span] = MINUTE
# Rows stay a little longer than anybody asks for them.
KEPT: Final[Span] = RETENTION + 10 * MINUTE


def told_since(last: Instant | None, now: Instant) -> Instant:
    """From when on somebody is told who has heard everything until ``last``; None: nothing yet.

    What is older than any token concerns nobody, so being away for long leaves no gap.
    """
    oldest = now - RETENTION
    return oldest if last is None else max(oldest, last - OVERLAP)
