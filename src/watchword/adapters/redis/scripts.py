"""A script that Redis runs in one step, so that nobody comes between its reading and its writing.

Invariant: one key, and no command newer than Redis 6.2.
"""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Script:
    """Lua; ``KEYS[1]`` is its one key."""

    text: str

    @property
    def sha(self) -> str:
        """What EVALSHA calls it; SHA-1 is the protocol's choice, and protects nothing here."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
