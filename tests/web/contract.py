"""What answers of the wire have in common, said once for the tests of the contract.

Invariant: names and shapes here are written by hand from the wire contract, never taken from the
product, so that both have to change before a client may notice.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests import kept
from tests.driving import Server

USER = {"id", "email", "name", "role", "emailVerified", "mfaEnabled", "createdAt"}
MANAGED_USER = USER | {"status"}
SESSION = {
    *("id", "createdAt", "lastSeenAt", "expiresAt", "idleExpiresAt", "ip", "userAgent"),
    *("device", "location", "current", "amr"),
}
GRANT = {"message", "accessToken", "tokenType", "expiresIn"}
PROBLEM = {"type", "title", "status", "detail", "message", "code", "requestId"}


def refused(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer that has to be this refusal, in the one shape of all refusals."""
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"
    assert set(problem) == PROBLEM | ({"errors"} if status == 422 else set())
    assert problem["status"] == status
    assert problem["message"] == problem["detail"]
    assert problem["requestId"] == answer.headers["x-request-id"]
    assert problem["type"].endswith(code.lower().replace("_", "-"))
    _require_headers(answer)
    return problem


def _require_headers(answer: httpx2.Response) -> None:
    status, headers = answer.status_code, answer.headers
    assert headers.get("www-authenticate", "").startswith("Bearer ") == (status == 401)
    assert ("allow" in headers) == (status == 405)
    assert ("retry-after" in headers) == (status in {429, 503})
    if status == 429:
        assert int(headers["retry-after"]) > 0
        assert int(headers["ratelimit-limit"]) > 0
        assert headers["ratelimit-remaining"] == "0"
        assert headers["ratelimit-reset"] == headers["retry-after"]


def fields_of(problem: dict[str, Any]) -> list[str]:
    """The fields that a 422 names."""
    assert all(set(error) == {"field", "message"} for error in problem["errors"])
    return sorted(error["field"] for error in problem["errors"])


def accepted(answer: httpx2.Response, status: int, *keys: str) -> dict[str, Any]:
    """The content of an answer that has to be this success, with exactly these keys."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["x-request-id"]
    content: dict[str, Any] = answer.json()
    assert set(content) == set(keys)
    if "message" in content:
        assert content["message"].endswith((".", " deleted"))
    return content


@dataclass(frozen=True)
class SetCookie:
    value: str
    attributes: frozenset[str]

    @property
    def max_age(self) -> int | None:
        """Seconds; None for a cookie that goes with the browser."""
        ages = [int(a.removeprefix("Max-Age=")) for a in self.attributes if a.startswith("Max-Age")]
        return ages[0] if ages else None


def set_cookies(answer: httpx2.Response) -> dict[str, SetCookie]:
    """What the answer sets, by name."""
    found = {}
    for header in answer.headers.get_list("set-cookie"):
        pair, *attributes = header.split("; ")
        name, _, value = pair.partition("=")
        found[name] = SetCookie(value, frozenset(attributes))
    return found


def rows(server: Server, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
    """What lies in the database, past everything that is kept in memory."""
    found = kept.rows(server.core.settings.database, sql, **parameters)
    return [tuple(row.values()) for row in found]


async def change_rows(server: Server, sql: str, **parameters: object) -> None:
    """What a backup, another process or an operator with a shell may do to the database."""
    await kept.change_rows(server.core.settings.database, sql, **parameters)


@asynccontextmanager
async def nothing_new_in(server: Server, table: str) -> AsyncIterator[None]:
    """The database fails whoever inserts into ``table``."""
    if isinstance(server.core.settings.database, Path):
        failing = f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT json('{{'); END"
        mending = "DROP TRIGGER broken"
    else:
        failing = f"ALTER TABLE {table} ADD CONSTRAINT broken CHECK (false) NOT VALID"
        mending = f"ALTER TABLE {table} DROP CONSTRAINT broken"
    await change_rows(server, failing)
    yield
    await change_rows(server, mending)


def tables_of(server: Server) -> list[str]:
    sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    if isinstance(server.core.settings.database, Path):
        sql = "SELECT name FROM sqlite_master WHERE type = 'table'"
    return [str(name) for (name,) in rows(server, sql)]


@dataclass(frozen=True)
class Written:
    """One audit event as it lies in the database."""

    type: str
    subject: str | None
    actor: str | None
    session: str | None
    details: dict[str, Any]


def events(server: Server, *, after: int = 0) -> list[Written]:
    """The audit events past the first ``after``, oldest first."""
    sql = "SELECT type, subject, actor, session, details FROM audit_events ORDER BY seq"
    return [
        Written(type_, subject, actor, session, json.loads(details))
        for type_, subject, actor, session, details in rows(server, sql)[after:]
    ]
