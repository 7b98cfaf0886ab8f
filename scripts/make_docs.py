"""Writes the documents that are made from the code: who may do what, events, problems.

    python scripts/make_docs.py

tests/test_made_docs.py holds them equal to the code.
"""  # noqa: INP001  a program, not a module of the package

import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Final

from watchword.domain.events import Event, all_types, wire_name
from watchword.domain.roles import Permission
from watchword.web.app import ROUTES
from watchword.web.errors import STATUSES, TITLES, anchor_of
from watchword.web.policies import Limit, Policy
from watchword.web.reference import LIMITS, MEANINGS
from watchword.web.routing import Route

DOCS: Final = Path(__file__).parent.parent / "docs"

_MADE: Final = "<!-- Made by scripts/make_docs.py: change the code that it is made from. -->"

_AUTHORIZATION: Final = """\
# Authorization

{made}

Who may do what, as the route table (`src/watchword/web/app.py`) says it; the server does nothing
else, and `tests/web/test_authorization_matrix.py` asks it about every row.

- **anyone**: nobody has to be signed in. `GET /metrics` has a rule of its own: it answers who holds
  `WATCHWORD_METRICS_TOKEN` or, where none is set, this machine alone; everybody else gets 404.
- **service**: another service, by a bearer token of `WATCHWORD_SERVICE_TOKENS`, and never a user;
  else 401. Where none is set, there is nothing at that address: 404.
- **user**: a live session is needed, by access token or by session cookie; else 401.
- **own**: `{{id}}` is the caller's own, which needs no permission.
- **permission**: what the caller's role must hold for what is not their own; else 403, whether or
  not there is such an id. `WATCHWORD_ROLES` gives permissions to roles; `admin` holds every one and
  `user` none. Nobody hands out a permission that they do not hold, nor acts on an account whose
  role holds one that they do not.
- **step-up**: the last proof of identity is at most `WATCHWORD_STEP_UP_TTL` old; else 403
  `STEP_UP_REQUIRED`. Signing in and `POST /auth/reauthenticate` prove it, refreshing never does.
- **limits**: `auth` counts {auth}, and
  `sign-in` {sign_in}.

A method that an address does not have is 405 for everybody.

{table}
"""

_EVENTS: Final = """\
# Audit events

{made}

What is written down, in the transaction of the change that it tells of: if the one fails, so does
the other. `GET /audit` shows it to those whose role holds `{permission}`, newest first; `watchword
audit export` writes it out. Events are kept for `WATCHWORD_AUDIT_RETENTION`.

Every event has `id`, `at` (RFC 3339), `type`, `subject` (the user whom it is about), `actor` (the
user who did it; null for the service itself, and for whom it does not know), `session`,
`requestId`, `ip`, `userAgent`, and in `details` the fields of its own. No event holds a password, a
token or an e-mail address.

{table}
"""

_PROBLEMS: Final = """\
# Problems

{made}

Every refusal is `application/problem+json` (RFC 9457) in one shape: `type` (where its code is
explained), `title`, `status`, `detail`, `message` (the same text), `code`, `requestId`. A 422 adds
`errors`, a list of `field` and `message`. Programs go by `code`; texts may change.

A 401 carries `WWW-Authenticate`, a 405 `Allow`, a 429 `Retry-After` and `RateLimit-Limit`,
`RateLimit-Remaining` and `RateLimit-Reset`, a 503 `Retry-After`.

{table}
"""


def authorization() -> str:
    rows = [
        (f"`{route.method} {route.path}`", *_who(route.who), _limits(route)) for route in ROUTES
    ]
    return _AUTHORIZATION.format(
        made=_MADE,
        auth=LIMITS[Limit.AUTH],
        sign_in=LIMITS[Limit.SIGN_IN],
        table=_table("call", "who may", "step-up", "limits", rows=rows),
    )


def _who(who: Policy) -> tuple[str, str]:
    """Who may come, and whether step-up is needed."""
    if who.is_public:
        return "anyone", ""
    if who.is_service:
        return "service", ""
    permitted = "" if who.permission is None else f"`{who.permission}`"
    if not who.owner:
        return permitted or "user", "yes" if who.fresh else ""
    step_up = "yes" if who.fresh else "for one's own" if who.fresh_owner else ""
    return f"own, or {permitted}", step_up


def _limits(route: Route) -> str:
    return ", ".join(limit.value.replace("_", "-") for limit in sorted(route.limits))


def events() -> str:
    kinds = {kind.type: kind for kind in Event.__subclasses__()}
    rows = [
        (f"`{type_}`", _details(kinds[type_]), _prose(kinds[type_].__doc__ or ""))
        for type_ in all_types()
    ]
    return _EVENTS.format(
        made=_MADE,
        permission=Permission.AUDIT_READ,
        table=_table("type", "`details`", "meaning", rows=rows),
    )


_TYPES: Final = {str: "text", int: "number", bool: "true or false"}


def _details(kind: type[Event]) -> str:
    shared = {field.name for field in fields(Event)}
    return ", ".join(
        f"`{wire_name(field.name)}` ({_TYPES[field.type]})"
        for field in fields(kind)
        if field.name not in shared and isinstance(field.type, type)
    )


def _prose(docstring: str) -> str:
    """One line of Markdown."""
    return re.sub(r"\s+", " ", docstring).strip().replace("``", "`")


def problems() -> str:
    rows = [
        (f'<a id="{anchor_of(code)}"></a>`{code}`', str(status), TITLES[status], MEANINGS[code])
        for code, status in STATUSES.items()
    ]
    return _PROBLEMS.format(
        made=_MADE, table=_table("code", "status", "title", "meaning", rows=rows)
    )


def _table(*head: str, rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


MADE: Final[dict[str, Callable[[], str]]] = {
    "authorization.md": authorization,
    "events.md": events,
    "problems.md": problems,
}


if __name__ == "__main__":
    for name, make in MADE.items():
        (DOCS / name).write_text(make(), "utf-8")
