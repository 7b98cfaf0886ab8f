"""Request ids: short, unique, and safe to write into a log."""

import re
from collections.abc import Sequence
from itertools import count

_SAFE = re.compile(rb"[A-Za-z0-9_-]{8,64}")


class RequestIds:
    """``prefix`` is random per process; an id that comes with the request is kept if it is safe,
    so that one request can be followed through a proxy (attack I08).
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._numbers = count(1)

    def choose(self, given: Sequence[bytes]) -> str:
        if len(given) == 1 and _SAFE.fullmatch(given[0]):
            return given[0].decode("ascii")
        return f"{self._prefix}{next(self._numbers):08x}"
