"""Rotations on PostgreSQL: those that come together share a statement, and so a commit.

Invariant: they wait for nobody's lock, not even one that goes alone, for only so many statements
are under way at once. So whoever holds sessions in a transaction, or was stopped there, holds up no
other; and no two nodes that rotate the same ones wait for each other.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from watchword.adapters.sql.postgres.batches import Batches
from watchword.adapters.sql.postgres.running import Singles
from watchword.adapters.sql.sessions import ALIVE, ROTATED
from watchword.domain.time import Instant

_HELD: Final = f"""
SELECT id AS found, held AS compared, presented_at AS moment FROM sessions
JOIN unnest(CAST(:ids AS text[]), CAST(:held AS int8[]), CAST(:moments AS int8[]))
    AS presented(session, held, presented_at) ON id = session
WHERE generation = held AND {ALIVE.replace(":now", "presented_at")}
FOR UPDATE OF sessions SKIP LOCKED
"""  # noqa: S608  constant text
_ROTATE_EACH: Final = f"""
WITH free AS ({_HELD})
UPDATE sessions SET {ROTATED.replace(":next", "compared + 1").replace(":now", "moment")}
FROM free WHERE id = found AND generation = compared
RETURNING id
"""  # noqa: S608  constant text
# The same with plain values, for one that comes alone.
_ROTATE_ONE: Final = f"""
UPDATE sessions SET {ROTATED}
WHERE id = (
    SELECT id FROM sessions WHERE id = :id AND generation = :held AND {ALIVE}
    FOR UPDATE SKIP LOCKED)
"""  # noqa: S608  constant text


class _Presented(NamedTuple):
    session_id: str
    generation: int
    at: Instant


class Rotations:
    def __init__(self, singles: Singles) -> None:
        self._singles = singles
        self._batches = Batches(self._rotate_together)

    async def rotate(self, session_id: str, generation: int, *, now: Instant) -> bool:
        """False too when somebody else has the session just now, and may leave it as it is."""
        return await self._batches.ask(_Presented(session_id, generation, now))

    async def _rotate_together(self, presented: Sequence[_Presented]) -> Sequence[bool]:
        """Of those who present the same session, the first."""
        if len(presented) == 1:
            return [await self._rotate_one(*presented[0])]
        first = {each.session_id: each for each in reversed(presented)}
        wanted = list(first.values())
        rows = await self._singles.rows(
            _ROTATE_EACH,
            {
                "ids": [each.session_id for each in wanted],
                "held": [each.generation for each in wanted],
                "moments": [each.at for each in wanted],
            },
        )
        rotated = {row[0] for row in rows}
        return [first[each.session_id] is each and each.session_id in rotated for each in presented]

    async def _rotate_one(self, session_id: str, held: int, now: Instant) -> bool:
        rotated = await self._singles.change(
            _ROTATE_ONE, {"id": session_id, "held": held, "next": held + 1, "now": now}
        )
        return rotated == 1
