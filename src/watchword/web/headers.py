"""A request's headers, scanned once; whether a second one is an error, the reader decides."""

import re
from collections.abc import Sequence
from functools import lru_cache

from watchword.domain.errors import Malformed

# RFC 3986 section 3.2.2; a comma is left out, for it is how two values become one.
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+;=-]*)(?::[0-9]{0,5})?")


@lru_cache(maxsize=256)
def is_host(value: bytes) -> bool:
    """Whether a Host header could name one host."""
    return _HOST.fullmatch(value) is not None


class Headers:
    """The request's headers by lower-case name. A name that comes twice keeps all its values, so
    that whoever reads it decides what a second one means.
    """

    __slots__ = ("_values",)

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        values: dict[bytes, list[bytes]] = {}
        for name, value in raw:
            values.setdefault(name, []).append(value)
        self._values = values

    def all(self, name: bytes) -> Sequence[bytes]:
        return self._values.get(name, ())

    def one(self, name: bytes) -> bytes | None:
        """Raise `Malformed` when the header was sent twice (attack J20)."""
        values = self._values.get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise Malformed(f"The header {name.decode('latin-1')} was sent twice.")
        return values[0]
