"""This node among the others: it stands in their table, asks them what they have heard, and
answers what they ask.

Invariant: an answer goes out with a heartbeat that begins after its question was heard. Whatever
was committed before the question has been heard by then, for a connection delivers in order.
"""

from collections.abc import Callable, Sequence
from typing import Final

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres.driver import Connection
from watchword.adapters.sql.postgres.nodes import (
    BEAT,
    ENTER,
    LEAVE,
    STRIKE,
    ByDatabase,
    Confirmations,
    Node,
)
from watchword.adapters.sql.statements import Row
from watchword.domain.time import SECOND

_QUESTIONS: Final = "watchword_questions"


class Membership:
    """``sender`` names this process for as long as it lives. ``call`` is told when there is
    something to call out: the next beat should begin. All but `complete` raise one of `FAILURES`.
    """

    def __init__(self, sender: str, nodes: ByDatabase, *, call: Callable[[], None]) -> None:
        self._sender = sender
        self._bound = nodes.bound
        self._within = nodes.bound / SECOND
        self._call = call
        self._entries = 0
        self._name = ""
        self._to_answer: dict[str, str] = {}
        self._confirmations = Confirmations(self._within, monotonic=nodes.monotonic, call=call)

    async def complete(self) -> None:
        """Return when all others have heard what is committed by now, or believe no more by what
        they heard before. It takes no longer than the longest lease.
        """
        await self._confirmations.complete()

    async def listen(self, connection: Connection) -> None:
        await connection.add_listener(_QUESTIONS, self._hear_question)
        await connection.add_listener(_answers_to(self._sender), self._hear_answer)

    async def enter(self, connection: Connection) -> None:
        """Under a new name: whoever was struck out under a former one is so for good."""
        self._entries += 1
        former, self._name = self._name, f"{self._sender}.{self._entries}"
        await connection.fetch(ENTER, self._name, former, self._bound, timeout=self._within)

    async def beat(self, connection: Connection, process: object) -> None:
        """Ask who is there, ask and answer what is to be. Raise `StoreFailed` for a node that may
        not go on believing, or that is not served by ``process``.
        """
        asked = self._confirmations.question
        rows = await connection.fetch(BEAT, *self._calls(), timeout=self._within)
        if rows[0][0] != process:
            raise StoreFailed("A pooler stands between: changes are not heard through it.")
        nodes = {str(row[2]): row for row in rows}
        own = nodes.pop(self._name, None)
        self._confirmations.look([_node_of(row) for row in nodes.values() if row[2]], asked=asked)
        silent, gone = self._confirmations.to_strike()
        if silent or gone:
            await connection.fetch(STRIKE, silent, gone, timeout=self._within)
        if own is None or own[4]:
            raise StoreFailed("Others have taken this node for dead.")

    async def leave(self, connection: Connection) -> None:
        """Whoever asked before is answered; nobody has to wait for this node from here on."""
        await connection.fetch(LEAVE, *self._calls(), self._name, timeout=self._within)

    def _calls(self) -> tuple[Sequence[str], Sequence[str]]:
        """To whom, and what: the question that others are to answer, and what others asked us."""
        answers, self._to_answer = self._to_answer, {}
        channels = [_answers_to(asker) for asker in answers]
        told = [f"{self._name} {number}" for number in answers.values()]
        if (question := self._confirmations.question) is not None:
            channels.append(_QUESTIONS)
            told.append(f"{self._sender} {question}")
        return channels, told

    def _hear_question(self, _: object, __: int, ___: str, payload: str) -> None:
        asker, _, number = payload.partition(" ")
        if asker != self._sender:
            self._to_answer[asker] = number
            self._call()

    def _hear_answer(self, _: object, __: int, ___: str, payload: str) -> None:
        name, _, number = payload.partition(" ")
        if number.isdecimal():
            self._confirmations.hear(name, int(number))


def _answers_to(asker: str) -> str:
    """The channel on which ``asker`` listens."""
    return f"watchword_to_{asker}"


def _node_of(row: Row) -> Node:
    return Node(str(row[2]), int(row[3] or 0) / SECOND, bool(row[4]))
