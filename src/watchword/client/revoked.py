"""What was revoked, kept for as long as a token can live that it is about, and no longer.

Invariant: however much is revoked, the memory is bounded, and what had to be forgotten too early
counts as revoked: whoever has such a token refreshes it.
"""

from typing import Final, NamedTuple

from watchword.client.events import Revocation
from watchword.client.machine import Time
from watchword.crypto.access_tokens import MAX_LIFETIME, AccessClaims
from watchword.domain.errors import SessionRevoked, TokenExpired
from watchword.domain.time import SECOND, Instant, Span

_KEPT: Final = MAX_LIFETIME + 60  # seconds; the clocks of two machines differ
_ENDED: Final = 2**62
# A node that has not heard of a change yet gives out tokens that know nothing of it, and its clock
# is not that of the node which made the change.
_UNAWARE: Final[Span] = SECOND


class JustChanged(TokenExpired):
    """Perhaps a token that knows nothing of a change, perhaps one from right after it."""

    detail = "The account has changed. Refresh the token, in two seconds."
    retry_after = SECOND + _UNAWARE


class _Noted(NamedTuple):
    """``since`` when we know of it, ``at`` when it was; tokens from ``least`` on are good."""

    since: float
    at: Instant
    least: int


class Revoked:
    """``capacity``: of how many sessions and users it is remembered at a time."""

    def __init__(self, time: Time, *, capacity: int) -> None:
        self._time = time
        self._capacity = capacity
        self._noted: dict[tuple[str, str], _Noted] = {}
        self._floor = 0

    def __len__(self) -> int:
        return len(self._noted)

    def note(self, revocation: Revocation) -> None:
        """That it is said twice does no harm."""
        if revocation.topic not in {"session", "user"}:
            return
        now, key = self._time.seconds(), (revocation.topic, revocation.id)
        before = self._noted.pop(key, _Noted(0, 0, 0))
        least = revocation.gen or _ENDED
        self._noted[key] = _Noted(now, max(revocation.at, before.at), max(least, before.least))
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._noted:
            key = next(iter(self._noted))
            oldest = self._noted[key]
            is_over = oldest.since + _KEPT <= now
            if not is_over and len(self._noted) <= self._capacity:
                return
            del self._noted[key]
            if not is_over:
                self._floor = max(self._floor, oldest.at // SECOND + 1)

    def require_good(self, claims: AccessClaims) -> None:
        """Raise `SessionRevoked`, or `TokenExpired` where a refreshed token may be good again.

        A user's change is told to the millisecond and a token knows its second, so a token of the
        last second in which it may have been unknown is taken for one from before it.
        """
        session = self._noted.get(("session", claims.sid))
        if session is not None and claims.gen < session.least:
            raise SessionRevoked if session.least == _ENDED else TokenExpired
        user = self._noted.get(("user", claims.sub))
        if user is not None and claims.iat <= (user.at + _UNAWARE) // SECOND:
            raise TokenExpired if claims.iat < user.at // SECOND else JustChanged
        if claims.iat <= self._floor:
            raise TokenExpired
