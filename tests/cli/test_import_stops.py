"""Wherever the accounts come from, an import that is stopped loses nobody and doubles nobody."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import HASH, Operator
from tests.cli.test_import_systems import (
    HASH_CONFIG,
    auth0_user,
    bcrypt_hash,
    django_user,
    fastapi_user,
    firebase_user,
    keycloak_user,
    realm,
    supabase_user,
)
from watchword.bootstrap import Core
from watchword.ports import AccountQuery, PageRequest

COUNT = 4_500
BAD = 2_500
BEFORE = 2_999  # accounts: the third thousand is in, but not noted down
BCRYPT = bcrypt_hash()


@dataclass(frozen=True)
class Export:
    """A file of ``COUNT`` records, one of which is bad, made as a system writes them."""

    name: str
    words: tuple[str, ...]
    text: Callable[[list[str]], str]

    def write(self, folder: Path) -> tuple[str, ...]:
        """The words of the command that imports it."""
        names = [f"p{number}" for number in range(COUNT)]
        names[BAD] = "no address"
        (folder / self.name).write_text(self.text(names))
        (folder / "hash_config.txt").write_text(HASH_CONFIG)
        return ("users", "import", self.name, *self.words, "--errors", "bad.ndjson")


def lines(make: Callable[[str], Any]) -> Callable[[list[str]], str]:
    return lambda names: "\n".join(json.dumps(make(name)) for name in names)


def document(
    make: Callable[[str], Any], around: Callable[[list[Any]], Any] = lambda users: users
) -> Callable[[list[str]], str]:
    return lambda names: json.dumps(around([make(name) for name in names]), indent=2)


def table(columns: str, rest: str) -> Callable[[list[str]], str]:
    return lambda names: "\n".join([columns, *(f"{name}@example.com,{rest}" for name in names)])


EXPORTS = [
    Export("own.ndjson", (), lines(lambda n: {"email": f"{n}@example.com", "passwordHash": HASH})),
    Export("own.csv", (), table("email,name", '"Ada, ""the"" first"')),
    Export(
        "auth0.ndjson",
        ("--format", "auth0"),
        lines(lambda n: auth0_user(n, passwordHash=BCRYPT)),
    ),
    Export(
        "firebase.json",
        ("--format", "firebase", "--hash-config", "hash_config.txt"),
        document(firebase_user, lambda users: {"users": users}),
    ),
    Export(
        "supabase.json",
        ("--format", "supabase"),
        document(lambda n: supabase_user(n, encrypted_password=BCRYPT)),
    ),
    Export(
        "supabase.csv",
        ("--format", "supabase"),
        table("email,encrypted_password,banned_until", f"{BCRYPT},"),
    ),
    Export(
        "keycloak.json",
        ("--format", "keycloak"),
        document(lambda n: keycloak_user(n, "pbkdf2-sha256", 9, bytes(range(32))), realm),
    ),
    Export("django.json", ("--format", "django"), document(lambda n: django_user(n, BCRYPT))),
    Export(
        "fastapi-users.csv",
        ("--format", "fastapi-users"),
        table("email,hashed_password,is_active", f"{BCRYPT},t"),
    ),
    Export(
        "fastapi-users.ndjson",
        ("--format", "fastapi-users"),
        lines(lambda n: fastapi_user(n, BCRYPT)),
    ),
]


# The command, which sends itself the signal of its first argument when it is about to note down
# that the third batch is in: the latest moment at which a batch could be lost or doubled.
STOPPING = """
import os, sys
from pathlib import Path

from watchword.cli import main

signal, *sys.argv[1:] = sys.argv[1:]
replace, notes = Path.replace, iter(range(1, 9))

def note_down(draft, target):
    if draft.parent.name == "imports" and next(notes) == 3:
        os.kill(os.getpid(), int(signal))
    return replace(draft, target)

Path.replace = note_down
main()
"""


def stopped(
    folder: Path, words: tuple[str, ...], sent: signal.Signals
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", STOPPING, str(sent.value), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def emails(operator: Operator) -> list[str]:
    async def work(core: Core) -> list[str]:
        page = await core.store.reading.directory.list_accounts(AccountQuery(), PageRequest(COUNT))
        return [account.email.text for account in page.rows]

    return operator.do(work)


def goes_on(operator: Operator, words: tuple[str, ...]) -> None:
    """From where it was to the end, with everybody in once and the bad record told once."""
    assert len(emails(operator)) == BEFORE
    said = operator(*words, "--json", code=3)
    assert "Going on after " in said.err
    assert sum(said.json.values()) == COUNT
    assert said.json["skipped"] == 1
    expected = {f"p{number}@example.com" for number in range(COUNT) if number != BAD}
    everybody = emails(operator)
    assert len(everybody) == len(expected)
    assert set(everybody) == expected
    told = (operator.folder / "bad.ndjson").read_text().splitlines()
    assert [one for one in told if "account already" not in one] == told[:1]
    assert list((operator.folder / "watchword-data" / "imports").iterdir()) == []


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_killed_it_goes_on_where_it_was(operator: Operator, export: Export) -> None:
    """By the signal that nothing can catch, in the middle of its work."""
    operator("migrate")
    words = export.write(operator.folder)
    done = stopped(operator.folder, words, signal.SIGKILL)
    assert done.returncode == -signal.SIGKILL
    goes_on(operator, words)


@pytest.mark.parametrize("export", [EXPORTS[0], EXPORTS[6]], ids=lambda export: export.name)
def test_interrupted_it_tells_how_to_go_on(operator: Operator, export: Export) -> None:
    """Ctrl-C, by the true signal."""
    operator("migrate")
    words = export.write(operator.folder)
    done = stopped(operator.folder, words, signal.SIGINT)
    assert done.returncode == 1
    assert done.stderr.endswith("Error: Stopped. The same command goes on where it was.\n")
    assert "Traceback" not in done.stderr
    goes_on(operator, words)
