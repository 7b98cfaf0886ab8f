"""What one node tells the others: a line about the message, then a line for each change.

    57 9f86d081884c7d65
    session|0190c5a1
    user|u-1

The number counts all messages, so that a lost one leaves a gap; the second word names the node, so
that it knows its own. A message without changes stands for more of them than are told one by one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from watchword.ports import Change, Topic

MOST: Final = 500  # changes in one message

_HEAD = re.compile(rb"([1-9][0-9]{0,15}) ([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Message:
    """``changes`` is None when any picture may be wrong."""

    number: int
    node: str
    changes: Sequence[Change] | None


def write_message(node: str, changes: Sequence[Change]) -> str:
    """All but the number, which Redis puts before it."""
    told = changes if len(changes) <= MOST else ()
    return "\n".join([node, *(f"{change.topic}|{change.id}" for change in told)])


def read_message(text: bytes) -> Message | None:
    """None: it is none of ours. A topic that is new here stands for everything."""
    head, *lines = text.split(b"\n")
    match = _HEAD.fullmatch(head)
    if match is None:
        return None
    try:
        changes = [_read_change(line) for line in lines]
    except ValueError:
        changes = []
    return Message(int(match[1]), match[2].decode(), changes or None)


def _read_change(line: bytes) -> Change:
    topic, _, subject = line.decode().partition("|")
    return Change(Topic(topic), subject)
