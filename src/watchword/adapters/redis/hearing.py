"""What a node has heard, and until when it may believe that this is all.

Invariant: a message that Redis has taken is in `news`, or `news` is None, within the bound. A beat
is a question on the very connection that messages come by, so its answer comes behind all that was
published before it was asked: what is not heard by then was published after the beat began, and
after it we believe for no longer than the bound.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from watchword.adapters.redis.messages import MOST, read_message
from watchword.ports import Change

_MOST_UNHEARD: Final = 2 * MOST


class Hearing:
    """``bound`` and ``monotonic`` in seconds; ``node`` is how this node signs its messages."""

    def __init__(self, node: str, *, bound: float, monotonic: Callable[[], float]) -> None:
        self._node = node
        self._bound = bound
        self._monotonic = monotonic
        self._good_until = -math.inf
        self._may_lack = False
        self._messages: int | None = None  # not known on this connection
        self._news: list[Change] = []

    def news(self) -> Sequence[Change] | None:
        if self._monotonic() >= self._good_until:
            return None
        if self._may_lack:
            self._may_lack = False
            self._news.clear()
            return None
        if not self._news:
            return ()
        news = self._news
        self._news = []
        return news

    def apply(self, changes: Sequence[Change]) -> None:
        if len(self._news) + len(changes) > _MOST_UNHEARD:
            self._may_lack = True  # nobody has asked for long, or very much was changed
            self._news.clear()
        else:
            self._news.extend(changes)

    def hear(self, text: bytes) -> None:
        """A message. The node's own was applied when it was sent."""
        message = read_message(text)
        if message is None:
            self._may_lack = True
            return
        if self._messages is not None and message.number != self._messages + 1:
            self._may_lack = True
        self._messages = message.number
        if message.node == self._node:
            return
        if message.changes is None:
            self._may_lack = True
        else:
            self.apply(message.changes)

    def believe(self, messages: int, *, since: float) -> None:
        """A beat that began at ``since`` was answered: there have been so many messages."""
        if messages != self._messages:
            self._may_lack = True
        self._messages = messages
        self._good_until = since + self._bound

    def lose(self) -> None:
        """The connection is gone: nothing is believed until a beat on the next one, which finds
        that it does not know what there was between.
        """
        self._good_until = -math.inf
        self._messages = None
