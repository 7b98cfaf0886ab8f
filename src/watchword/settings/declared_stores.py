# ruff: noqa: RUF009  `setting` makes a dataclass field, whose default is made anew each time
"""The settings of several nodes over one store, declared as `declared` says, behind the others."""

from dataclasses import dataclass

from watchword.domain.time import Span
from watchword.settings.choices import Revocation, RevocationMessages, SessionStore
from watchword.settings.declared_mail import DeclaredMail
from watchword.settings.parsing import duration, number, one_of, optional, setting
from watchword.settings.stores import ServerUrl, redis_url


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredStores(DeclaredMail):
    database_pool: int = setting(
        "DATABASE_POOL",
        number(3, 1000),
        default="10",
        meaning="Connections of one process to a database server, at most: 3 to 1,000.",
    )
    redis_url: ServerUrl | None = setting(
        "REDIS_URL",
        optional(redis_url()),
        meaning="`redis://user:password@host:6379/0`, or `rediss://` for TLS; limits and lockouts "
        "are counted there.",
    )
    session_store: SessionStore = setting(
        "SESSION_STORE",
        one_of(tuple(SessionStore)),
        default="database",
        meaning="`redis`: how far a session has come, by its refreshes and uses, is kept at "
        "`WATCHWORD_REDIS_URL`, and whoever is forgotten there is signed out. To change this signs "
        "everybody out.",
    )
    revocation_bound: Span = setting(
        "REVOCATION_BOUND",
        duration("250ms", "10s", finest="ms"),
        default="1s",
        meaning="How long a node that is cut off from the others goes on by what it last heard of "
        "revocations: `250ms` to `10s`. On SQLite no node ever is.",
    )
    revocation: Revocation = setting(
        "REVOCATION",
        one_of(tuple(Revocation)),
        default="standard",
        meaning="`strict`: sign-out, disabling and a change of role answer only when every live "
        "node has confirmed, or can go on no more by what it last heard. On SQLite `standard` is "
        "the same.",
    )
    revocation_messages: RevocationMessages = setting(
        "REVOCATION_MESSAGES",
        one_of(tuple(RevocationMessages)),
        default="database",
        meaning="`redis`: for a database server without `LISTEN` and `NOTIFY`, or behind a pooler "
        "that keeps them back. Nodes hear of each other's revocations by way of "
        "`WATCHWORD_REDIS_URL`, and read for themselves what they did not hear of, four times in "
        "`WATCHWORD_REVOCATION_BOUND`. The same on all nodes.",
    )
    shutdown_delay: Span = setting(
        "SHUTDOWN_DELAY",
        duration("0", "10m"),
        default="0",
        meaning="How long a process that is asked to end says so at `/health/ready`, and goes on "
        "serving, so that a balancer notices before a request is refused.",
    )
