"""Which language a request is answered in (RFC 9110 section 12.5.4)."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from watchword.domain.languages import ENGLISH, find_language

_RANGE: Final = re.compile(r"([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)(?:;q=([01](?:\.\d{1,3})?))?")
_LONGEST_HEADER: Final = 512


@dataclass(frozen=True, slots=True)
class Negotiation:
    """``known`` are the languages that there are, in lower case; English is always one of them."""

    known: Collection[str]
    default: str

    def chosen(self, accept_language: bytes | None) -> str:
        """Of those that are known; the default for who asks for none of them."""
        for tag in _preferred((accept_language or b"")[:_LONGEST_HEADER]):
            found = find_language(tag, self.known)
            if found is not None:
                return found
        return find_language(self.default, self.known) or ENGLISH


@lru_cache(maxsize=1_024)
def _preferred(header: bytes) -> Sequence[str]:
    ranges: list[tuple[float, str]] = []
    for part in header.decode("latin-1").replace(" ", "").split(","):
        match = _RANGE.fullmatch(part)
        if match is not None and match[1] != "*":
            ranges.append((float(match[2] or 1), match[1]))
    ranges.sort(key=lambda one: -one[0])
    return tuple(language for weight, language in ranges if weight > 0)
