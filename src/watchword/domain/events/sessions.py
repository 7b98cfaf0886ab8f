"""What happened to sessions, and at the door to them."""

from dataclasses import dataclass

from watchword.domain.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(Event):
    """A session began. ``amr`` says how the person proved who they are (RFC 8176). The device is
    new when this browser had not signed in to the account before.
    """

    type = "session.signed_in"
    amr: str
    new_device: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFailed(Event):
    """An attempt to sign in, or to prove once more who one is, failed. ``reason``:
    ``wrong_password`` or ``wrong_code``. ``subject`` is null for an address without an account and
    for an unknown passkey; the address itself is not kept.
    """

    type = "session.sign_in_failed"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusualSignIn(Event):
    """Something about a sign-in was unusual, though its proof was right: ``signals`` says what
    (docs/risk.md). ``action``: ``notice`` (its owner gets a mail), ``second-factor`` (one was asked
    for) or ``refuse`` (there is no session, and its owner gets a mail). ``subject`` is null for an
    account that was not made.
    """

    type = "session.unusual_sign_in"
    signals: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reauthenticated(Event):
    """Somebody who was signed in proved once more who they are, as ``amr`` says."""

    type = "session.reauthenticated"
    amr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """One session ended. ``reason``: ``signed_out``, ``revoked`` (by hand), ``evicted`` (too many
    were open) or ``replaced`` (the browser signed in anew).
    """

    type = "session.ended"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsEnded(Event):
    """The sessions of a user were ended at once, ``count`` of them that were live."""

    type = "session.all_ended"
    reason: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReuseDetected(Event):
    """A refresh token was used again after its time, so the session was ended. ``generation`` is
    that of the token, ``current`` that of the session.
    """

    type = "session.token_reused"
    generation: int
    current: int
