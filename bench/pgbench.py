"""The floor of a refresh on PostgreSQL: the very statement of a refresh, and nothing else, sent by
pgbench to the same server, on a copy of the table of sessions.
"""

import asyncio
import math
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from bench.figures import BenchFailed, LeftOut
from bench.postgres import PostgresHome
from bench.processes import Ended, run_to_end
from watchword.adapters.argon2 import cores
from watchword.adapters.sql.sessions import SqlSessions
from watchword.adapters.sql.statements import Claim, Parameters, Row
from watchword.ports import Topic

_COPY: Final = "bench_rotations"
_FIRST_ID: Final = 10**18  # as long as a number can be, and little shorter than an id
_NOW: Final = 1_700_000_000_000
_CONNECTING: Final = 1  # seconds: what it takes counts as time, and not in the rate
_NEVER: Final = 4 * 10**12
_DONE: Final = re.compile(r"number of transactions actually processed: (\d+)")
_RATE: Final = re.compile(r"tps = ([\d.]+)")


class Overheard:
    """Keeps the text of the last statement instead of running it."""

    def __init__(self) -> None:
        self.sql = ""

    async def rows(self, sql: str, _: Parameters) -> Sequence[Row]:
        self.sql = sql
        return []

    async def row(self, sql: str, _: Parameters) -> Row | None:
        self.sql = sql
        return None

    async def change(self, sql: str, _: Parameters) -> int:
        self.sql = sql
        return 1

    async def change_each(self, sql: str, _: Iterable[Parameters]) -> None:
        self.sql = sql

    async def claim(self, what: Claim, key: str | bytes = "") -> None: ...

    async def note(self, topic: Topic, subject: str, proof: int) -> None: ...

    def note_again(self, topic: Topic, subject: str) -> None: ...


def rotation() -> str:
    """The statement of a refresh; its parameters are ``:id``, ``:held``, ``:next`` and ``:now``,
    as pgbench writes variables too.
    """
    statements = Overheard()
    asyncio.run(SqlSessions(statements).rotate("", 0, now=0))
    return statements.sql.strip()


class Pgbench:
    """Each of its clients rotates a session of its own."""

    def __init__(self, home: PostgresHome, folder: Path, tell: Callable[[str], None]) -> None:
        """Raise `LeftOut` where pgbench is not installed."""
        self._home = home
        self._folder = folder
        self._tell = tell
        self._program = home.programs / "pgbench"
        if not self._program.exists():
            raise LeftOut("pgbench is missing (Debian, Ubuntu: apt-get install postgresql)")
        self._script = folder / "rotation.pgbench"
        statement = rotation().replace("UPDATE sessions", f"UPDATE {_COPY}", 1)
        lines = [
            "\\set held :held + 1",
            "\\set next :held + 1",
            "\\set now :now + 1",
            f"\\set id {_FIRST_ID} + :client_id",
            f"{statement};",
        ]
        self._script.write_text("\n".join(lines) + "\n", "ascii")

    def measure(self, clients: int, seconds: float) -> tuple[float, Ended]:
        """Rotations in a second once all are connected, on a fresh copy with as many rows as the
        table has now. Raise `BenchFailed` unless each statement changed a row.
        """
        self._copy(clients)
        command = [
            str(self._program),
            *("--no-vacuum", "--protocol=prepared", f"--file={self._script}"),
            *(f"--client={clients}", f"--jobs={min(clients, cores())}"),
            *(f"--time={math.ceil(seconds) + _CONNECTING}", "--define=held=-1"),
            *(f"--define=now={_NOW}", self._home.url),
        ]
        ended = run_to_end(command, folder=self._folder, hear=self._tell)
        done, rate = _DONE.search(ended.output), _RATE.search(ended.output)
        ((turned,),) = self._home.run(
            f"SELECT sum(generation)::bigint FROM {_COPY} WHERE {_ours(clients)}"
        )
        if done is None or rate is None or not turned or int(done[1]) != turned:
            raise BenchFailed(f"pgbench rotated {turned} times, and says: {ended.output}")
        return float(rate[1]), ended

    def _copy(self, clients: int) -> None:
        run = self._home.run
        ((options,),) = run(
            "SELECT array_to_string(reloptions, ',') FROM pg_class WHERE oid = 'sessions'::regclass"
        )
        run(f"DROP TABLE IF EXISTS {_COPY}")
        run(f"CREATE TABLE {_COPY} (LIKE sessions INCLUDING ALL) WITH ({options})")
        run(f"INSERT INTO {_COPY} SELECT * FROM sessions")
        run(
            f"UPDATE {_COPY} SET id = ({_FIRST_ID} + chosen.n - 1)::text, generation = 0,"
            f" rotated_before = '', ended_at = NULL, idle_expires_at = {_NEVER},"
            f" expires_at = {_NEVER} FROM (SELECT id, row_number() OVER () AS n FROM {_COPY}"
            f" LIMIT {clients}) AS chosen WHERE {_COPY}.id = chosen.id"
        )
        run(f"VACUUM ANALYZE {_COPY}")


def _ours(clients: int) -> str:
    return f"id BETWEEN '{_FIRST_ID}' AND '{_FIRST_ID + clients - 1}' AND length(id) = 19"
