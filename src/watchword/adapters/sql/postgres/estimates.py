"""How many rows there are, for a gauge that every node reads: its cost does not grow with them.

A few are counted. Of many, the server says how many it would expect, by the statistics that it
keeps for its plans (`autovacuum` renews them when a tenth of the rows has changed).
"""

import json
from typing import Final

from watchword.adapters.sql.directory import LIVE_SESSIONS
from watchword.adapters.sql.statements import Queries
from watchword.domain.time import Instant

_FEW: Final = 10_000
_COUNT: Final = f"SELECT COUNT(*) FROM (SELECT 1 {LIVE_SESSIONS} LIMIT :few) AS live"  # noqa: S608
_EXPECT: Final = f"EXPLAIN (FORMAT JSON) SELECT 1 {LIVE_SESSIONS}"


async def count_live_sessions(queries: Queries, now: Instant, *, few: int = _FEW) -> int:
    """Exact below ``few``."""
    row = await queries.row(_COUNT, {"now": now, "few": few})
    counted = int(row[0] or 0) if row else 0
    if counted < few:
        return counted
    row = await queries.row(_EXPECT, {"now": now})
    told = json.loads(str(row[0])) if row else []
    return max([counted, *(int(plan["Plan"]["Plan Rows"]) for plan in told)])
