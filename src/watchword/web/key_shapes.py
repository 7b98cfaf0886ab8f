"""What signing keys look like to who looks after them; nothing of the keys themselves."""

import msgspec

from watchword.domain.time import Instant
from watchword.ports import StoredKey
from watchword.web.shapes import time_text


class KeyShape(msgspec.Struct, frozen=True, rename="camel"):
    """``state``: ``signs``, ``next`` (published ahead of its use), ``verifies`` or ``retired``."""

    kid: str
    algorithm: str
    state: str
    created_at: str
    activated_at: str | None
    retires_at: str | None


def key_shape(key: StoredKey, now: Instant) -> KeyShape:
    return KeyShape(
        key.kid,
        key.algorithm,
        _state(key, now),
        time_text(key.created_at),
        _moment(key.activated_at),
        _moment(key.retires_at),
    )


def _state(key: StoredKey, now: Instant) -> str:
    if key.activated_at is None:
        return "next"
    if key.retires_at is None:
        return "signs"
    return "verifies" if now < key.retires_at else "retired"


def _moment(at: Instant | None) -> str | None:
    return None if at is None else time_text(at)
