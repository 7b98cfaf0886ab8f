"""What nodes call out to each other with NOTIFY: each change as it is kept, or a probe.

``sender version seq at proof topic subject``. What has changed is never guessed at: a call of
another version is refused, and whoever hears it takes it for a gap. To change the format, give it
another version; then nodes of both can run side by side.
"""

from dataclasses import dataclass
from typing import Final

from watchword.ports import Change, Recorded, Topic

CHANNEL: Final = "watchword_changes"
CALL_OUT: Final = f"SELECT pg_notify('{CHANNEL}', $1)"
_VERSION: Final = "1"
_PROBE: Final = "probe"

# A change is kept, and called out as from $5: one statement, so that it costs no second round trip.
NOTE_AND_CALL_OUT: Final = f"""
WITH noted AS (
    INSERT INTO changes (at, topic, subject, proof) VALUES ($1, $2, $3, $4)
    RETURNING seq, at, proof, topic, subject)
SELECT seq, at, pg_notify('{CHANNEL}', $5 || ' {_VERSION} ' || seq || ' ' || at || ' ' || proof
    || ' ' || topic || ' ' || subject)
FROM noted
"""  # noqa: S608  constant text


class CallUnknown(ValueError):
    """Nothing that this version calls out; what has changed is not known."""


@dataclass(frozen=True, slots=True)
class Called:
    sender: str
    recorded: Recorded


@dataclass(frozen=True, slots=True)
class Probe:
    """Whoever sent it hears by it whether calls arrive."""

    sender: str

    def __str__(self) -> str:
        return f"{self.sender} {_PROBE} "


def read_call(payload: str) -> Called | Probe:
    """Raise `CallUnknown`."""
    sender, _, words = payload.partition(" ")
    if words.partition(" ")[0] == _PROBE:
        return Probe(sender)
    try:
        version, seq, at, proof, topic, subject = words.split(" ", 5)
        recorded = Recorded(int(seq), int(at), Change(Topic(topic), subject), int(proof))
    except ValueError:
        raise CallUnknown from None
    if version != _VERSION:
        raise CallUnknown
    return Called(sender, recorded)
