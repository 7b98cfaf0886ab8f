"""Uses of sessions on PostgreSQL, written down together.

Invariant: whoever has one of the sessions in a transaction, or was stopped there, holds up neither
the uses of the others nor, through them, anybody who wants one of those sessions.
"""

from collections.abc import Sequence
from typing import Final

from watchword.adapters.sql.postgres.running import Singles
from watchword.adapters.sql.sessions import SLIDE, TOUCH, TOUCHED
from watchword.domain.time import Instant

# It tells of each that it could have, whether that was to be changed or not.
_TOUCH_EACH: Final = f"""
WITH free AS (
    SELECT id AS found, used_at AS moment FROM sessions
    JOIN unnest(CAST(:ids AS text[]), CAST(:moments AS int8[])) AS used(session, used_at)
        ON id = session
    FOR UPDATE OF sessions SKIP LOCKED),
touched AS (
    UPDATE sessions SET {SLIDE.replace(":now", "moment")}
    FROM free WHERE id = found AND {TOUCHED.replace(":now", "moment")})
SELECT found FROM free
"""  # noqa: S608  constant text


class Uses:
    def __init__(self, singles: Singles) -> None:
        self._singles = singles

    async def write(self, seen: Sequence[tuple[str, Instant]]) -> None:
        """Those that somebody has just now come last, each by itself."""
        if not seen:
            return
        newest = dict(sorted(seen))
        rows = await self._singles.rows(
            _TOUCH_EACH, {"ids": list(newest), "moments": list(newest.values())}
        )
        found = {row[0] for row in rows}
        for session_id, at in newest.items():
            if session_id not in found:
                await self._singles.change(TOUCH, {"id": session_id, "now": at})
