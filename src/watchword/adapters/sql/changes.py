"""The noticeboard: every change to what a caller may do leaves a numbered row, in its transaction.

On SQLite `Revocations` and `Feed` read on from the last number they have seen; on PostgreSQL each
row is called out as well, and heard by those who listen.
"""

from collections.abc import Sequence

from watchword.adapters.sql.statements import Queries, Row, Statements
from watchword.domain.time import Instant
from watchword.ports import Change, Recorded, Topic

COLUMNS = "seq, at, topic, subject, proof"
NOTE = "INSERT INTO changes (at, topic, subject, proof) VALUES (:at, :topic, :subject, :proof)"

_FIND = f"SELECT {COLUMNS} FROM changes WHERE seq = :seq"  # noqa: S608  constant columns
# By number from the first one on: a node of an earlier version notes no time.
_LIST_SINCE = f"""
SELECT {COLUMNS} FROM changes
WHERE seq > :after AND seq >= (SELECT MIN(seq) FROM changes WHERE at >= :moment)
ORDER BY seq LIMIT :at_most
"""  # noqa: S608  constant columns


async def note(statements: Statements, topic: Topic, subject: str = "", *, proof: int = 0) -> None:
    """``proof``: as of `Recorded`."""
    await statements.note(topic, subject, proof)


def recorded_of(row: Row) -> Recorded:
    seq, at, topic, subject, proof = row
    change = Change(Topic(str(topic)), str(subject))
    return Recorded(int(seq or 0), int(at or 0), change, int(proof or 0))


async def find_change(queries: Queries, seq: int) -> Recorded | None:
    row = await queries.row(_FIND, {"seq": seq})
    return None if row is None else recorded_of(row)


async def list_changes_since(
    queries: Queries, moment: Instant, *, after: int, at_most: int
) -> Sequence[Recorded]:
    asked = {"moment": moment, "after": after, "at_most": at_most}
    return [recorded_of(row) for row in await queries.rows(_LIST_SINCE, asked)]
