"""A session is the source of truth; a token only points at it. The rotation rule lives here.

Invariant: a session that has ended never lives again; every transition here leads away from alive.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from watchword.domain.devices import Origin
from watchword.domain.errors import SessionExpired, SessionRevoked
from watchword.domain.time import Instant, Span


class Transport(StrEnum):
    """How a client holds its session."""

    COOKIE = "cookie"
    BODY = "body"
    SESSION = "session"


class EndReason(StrEnum):
    SIGNED_OUT = "signed_out"
    REVOKED = "revoked"
    EVICTED = "evicted"
    REPLACED = "replaced"
    REUSED = "token_reused"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET = "password_reset"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long sessions live, and how many. Spans in milliseconds. ``trusts_devices``: a browser
    may be spared the second factor that it has shown before.
    """

    idle_ttl: Span
    absolute_ttl: Span
    unremembered_ttl: Span
    grace: Span
    step_up_ttl: Span
    limit: int
    evicts: bool
    trusts_devices: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in. ``generation`` counts the rotations of its token, ``proof`` the times that its
    person proved who they are (sign-in is 1): an access token of an earlier proof is dead.
    ``rotated_before`` are the times of a few rotations before the last one, newest first.
    """

    id: str
    user_id: str
    transport: Transport
    generation: int
    proof: int
    salt: bytes
    rotated_at: Instant
    created_at: Instant
    last_seen_at: Instant
    idle_ttl: Span
    idle_expires_at: Instant
    expires_at: Instant
    authenticated_at: Instant
    amr: tuple[str, ...]
    origin: Origin
    remembered: bool = True
    rotated_before: tuple[Instant, ...] = ()
    ended_at: Instant | None = None
    ended_reason: EndReason | None = None

    def require_alive(self, now: Instant) -> None:
        """Idle and absolute ends are the first moment at which the session is dead (ASVS 7.3)."""
        if self.ended_at is not None:
            raise SessionRevoked
        if now >= self.idle_expires_at or now >= self.expires_at:
            raise SessionExpired

    def is_alive(self, now: Instant) -> bool:
        return self.ended_at is None and now < self.idle_expires_at and now < self.expires_at

    def is_fresh(self, now: Instant, step_up_ttl: Span) -> bool:
        """Whether the last proof of identity is recent enough for a step-up action (ASVS 7.5.1)."""
        return now - self.authenticated_at < step_up_ttl

    def seen_at(self, now: Instant) -> "Session":
        """Sliding: idle time starts again, never to end sooner; the absolute end stays."""
        if now <= self.last_seen_at:
            return self
        idle_end = max(self.idle_expires_at, now + self.idle_ttl)
        return replace(self, last_seen_at=now, idle_expires_at=idle_end)


REMEMBERED_ROTATIONS: Final = 7


class Rotation(StrEnum):
    """What presenting a genuine token of some generation means for its session."""

    CURRENT = "current"
    REPEATED = "repeated"
    REUSED = "reused"
    AHEAD = "ahead"


class Step(NamedTuple):
    """What presenting a token has led to, and the generation that is current now."""

    verdict: Rotation
    generation: int


def judge_rotation(session: Session, presented: int, *, at: Instant, grace: Span) -> Rotation:
    """The grace rule. A token of the current generation rotates. Its direct predecessor, presented
    within ``grace`` of the rotation, is a retry of a lost answer: it gets the same successor, whose
    own use would have moved the generation on. So is one that was presented before its successor
    was, and overtaken while it waited for its turn. Anything older, later or slower is a replay.
    The window counts from the rotation and does not slide (RFC 9700 section 4.14.2).

    Of a generation that is still to come, it was given out by a rotation that the store has lost
    since, as in a fail-over: its holder is the newest there is.
    """
    if presented == session.generation:
        return Rotation.CURRENT
    if presented > session.generation:
        return Rotation.AHEAD
    rotations = (session.rotated_at, *session.rotated_before)
    steps = session.generation - presented
    if steps == 1:
        # Before the rotation as well: of two at once, the first to come may be the last served.
        is_retry = abs(at - session.rotated_at) < grace
    else:
        overtaken = rotations[steps - 2] if 1 < steps < len(rotations) + 2 else at
        is_retry = overtaken - grace < at < overtaken
    return Rotation.REPEATED if is_retry else Rotation.REUSED
