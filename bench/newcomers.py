"""People who move in from another system: a file of them with their hashes, and its import.

The hash is one and the same, of the password that all accounts here have: an import does not look
into it, and a sign-in reads that of one account alone. Addresses come in no order.
"""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher

from bench.client import PASSWORD
from bench.figures import BenchFailed
from bench.processes import Ended, run_to_end, watchword
from watchword.adapters.argon2 import Argon2Parameters
from watchword.settings import Settings

DATA: Final = "watchword-data"  # where the command keeps it unless it is told otherwise
_FILE: Final = "newcomers.ndjson"
_DATABASE: Final = "watchword.db"


def address(number: int) -> str:
    return f"{sha256(b'%d' % number).hexdigest()[:12]}@example.com"


def write_newcomers(folder: Path, count: int) -> None:
    parameters = Argon2Parameters.parse(Settings().password_hash)
    encoded = PasswordHasher(
        time_cost=parameters.passes,
        memory_cost=parameters.memory,
        parallelism=parameters.lanes,
    ).hash(PASSWORD)
    with (folder / _FILE).open("w", encoding="utf-8") as file:
        for number in range(count):
            fields = {"email": address(number), "name": "Bench Mark", "passwordHash": encoded}
            file.write(json.dumps(fields) + "\n")


def take_in(folder: Path, count: int, *, hear: Callable[[str], None]) -> Ended:
    """Import the file in ``folder`` into the data directory there. Raise `BenchFailed` unless each
    of the ``count`` newcomers has an account then.
    """
    ended = run_to_end(watchword("users", "import", _FILE, "--json"), folder=folder, hear=hear)
    told = json.loads(ended.output)
    with closing(sqlite3.connect(folder / DATA / _DATABASE)) as connection:
        (found,) = connection.execute("SELECT COUNT(*) FROM users").fetchone()
    if told["imported"] != count or found != count:
        raise BenchFailed(f"Of {count:,} newcomers {found:,} have an account: {ended.output}")
    return ended
