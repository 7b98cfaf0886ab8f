"""How keys are called.

Invariant: whatever one script touches has one tag in braces, so it lies in one slot of a Redis
Cluster (cluster specification, "Hash tags").
"""

from dataclasses import dataclass
from typing import Final

# A closing brace would end the tag, and an empty tag would be none.
_ESCAPES: Final = str.maketrans({"%": "%25", "{": "%7B", "}": "%7D"})
_ROOT_PARTS: Final = 2


def root_of(key: str) -> str:
    """``account:u-1`` of ``account:u-1:device:9f``: what is forgotten together is kept together."""
    return ":".join(key.split(":", _ROOT_PARTS)[:_ROOT_PARTS])


@dataclass(frozen=True, slots=True)
class Names:
    """``space`` keeps installations on one server apart: letters, digits, ``-``, ``_``, ``.``."""

    space: str = "watchword"

    def limit(self, key: str) -> str:
        return f"{self.space}:limit:{{{key.translate(_ESCAPES)}}}"

    def lockouts(self, root: str) -> str:
        return f"{self.space}:lockouts:{{{root.translate(_ESCAPES)}}}"

    def messages(self, database: int) -> str:
        """A channel; channels are shared by all databases of a server."""
        return f"{self.space}:messages:{database}"

    def session(self, session_id: str) -> str:
        return f"{self.space}:session:{{{session_id.translate(_ESCAPES)}}}"
