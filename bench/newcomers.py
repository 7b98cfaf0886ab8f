"""People who move in from another system: a file of them with their hashes, and its import.

The hash is one and the same, of the password that all accounts here have: an import does not look
into it, and a sign-in reads that of one account alone. Addresses come in no order.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher

from bench.client import PASSWORD
from bench.figures import BenchFailed
from bench.processes import Ended, run_to_end, watchword
from bench.stores import Home, key
from watchword.adapters.argon2 import Argon2Parameters
from watchword.settings import Settings

_FILE: Final = "newcomers.ndjson"
_DIGITS: Final = 16
# The same address as `address` has it, of the number ``n``.
ADDRESS_SQL: Final = f"substr(bench_key('address ', n), 1, {_DIGITS}) || '@example.com'"


def address(number: int) -> str:
    return f"{key('address ', number)[:_DIGITS]}@example.com"


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


def take_in(home: Home, count: int, *, hear: Callable[[str], None]) -> Ended:
    """Import the file in its folder into the installation at ``home``. Raise `BenchFailed` unless
    each of the ``count`` newcomers has an account then.
    """
    command = watchword("users", "import", _FILE, "--json")
    ended = run_to_end(command, folder=home.folder, hear=hear, settings=home.settings)
    told = json.loads(ended.output)
    ((found,),) = home.run("SELECT COUNT(*) FROM users")
    if told["imported"] != count or found != count:
        raise BenchFailed(f"Of {count:,} newcomers {found:,} have an account: {ended.output}")
    return ended
