"""Client data (WebAuthn level 3 section 5.8.1): what the browser says of where it was asked."""

from collections.abc import Collection
from enum import StrEnum

from watchword.crypto import base64url, strict_json

_LONGEST_CHALLENGE = 256


class Ceremony(StrEnum):
    """Which of the two it was, as ``type`` says: one can never stand in for the other."""

    CREATE = "webauthn.create"
    GET = "webauthn.get"


def challenge_of(raw: bytes) -> bytes:
    """What it says that it answers; whether that was ever asked is for the caller to find out.
    Raise ValueError for what is none.
    """
    challenge = strict_json.decode(raw).get("challenge")
    if not isinstance(challenge, str) or len(challenge) > _LONGEST_CHALLENGE:
        raise ValueError("challenge")
    return base64url.decode(challenge)


def require(raw: bytes, *, ceremony: Ceremony, challenge: bytes, origins: Collection[str]) -> None:
    """Raise ValueError unless the ceremony was this one, answers this challenge, was on a page of
    ``origins``, and that page was not inside another site's (attack W02). Members that are not
    known are let be, as the specification asks for.
    """
    told = strict_json.decode(raw)
    if told.get("type") != ceremony:
        raise ValueError("type")
    if told.get("challenge") != base64url.encode(challenge):
        raise ValueError("challenge")
    origin = told.get("origin")
    if not isinstance(origin, str) or origin not in origins:
        raise ValueError("origin")
    if told.get("crossOrigin", False) is not False or told.get("topOrigin") is not None:
        raise ValueError("cross-origin")
