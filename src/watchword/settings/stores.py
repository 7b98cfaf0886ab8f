"""Settings that name where things are kept: a file, or a server with the way in to it.

Invariant: of a server's address, only its place (hosts, ports, database) can be read or shown;
user, password and options are part of a `Secret`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watchword.crypto.secret import Secret
from watchword.domain.hosts import is_loopback
from watchword.settings.addresses import LAST_PORT, parse_host
from watchword.settings.credentials import HIDDEN
from watchword.settings.parsing import Kind, Unreadable

_SQLITE: Final = "sqlite:///"
_SQLITE_ADVICE = "Write sqlite:///watchword.db, or sqlite:////var/lib/watchword.db for a full path."
# Stricter than urlsplit, which guesses where a password with an "@" or a "/" in it ends.
_LOGIN = r"(?:(?P<login>[^@/?#\s]*)@)?"
_POSTGRES = re.compile(
    rf"postgres(?:ql)?://{_LOGIN}(?P<hosts>[^@/?#\s]*)/(?P<path>[A-Za-z0-9_.%~-]+)"
    r"(?P<options>\?[A-Za-z0-9_.%~=&/:,+-]*)?"
)
_REDIS = re.compile(
    rf"(?P<scheme>rediss?)://{_LOGIN}(?P<hosts>[^@/?#\s]+)(?:/(?P<path>[0-9]{{1,5}})?)?"
)
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?")
_ESCAPED = "what is neither letter nor digit in user and password percent-encoded (%40 for @)"
_POSTGRES_ADVICE = f"Write postgresql://user:password@host:5432/database, with {_ESCAPED}."
_REDIS_ADVICE = f"Write redis://user:password@host:6379/0, or rediss:// for TLS, with {_ESCAPED}."
# "require" encrypts, for whoever answers: also for somebody who stands in between.
_VERIFIED = frozenset({"verify-ca", "verify-full"})


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """``url`` is whole, as a client library reads it; ``place`` is what people may see of it.

    ``is_plain``: what is said to it can be read, and changed, on the way.
    """

    place: str
    url: Secret
    is_plain: bool


def database_url() -> Kind[Path | ServerUrl]:
    """A file of SQLite, or a server of PostgreSQL."""
    return Kind(_parse_database_url, _show_database)


def redis_url() -> Kind[ServerUrl]:
    return Kind(_parse_redis_url, lambda server: server.place)


def _parse_database_url(text: str) -> Path | ServerUrl:
    scheme = text.partition(":")[0].partition("+")[0].lower()
    if scheme in {"postgres", "postgresql"}:
        return _parse_postgres_url(text)
    path = text.removeprefix(_SQLITE)
    if path in {text, ""} or path.endswith("/") or not text.isprintable():
        raise Unreadable(_SQLITE_ADVICE)
    if ":memory:" in path or {"?", "#"} & set(path):
        raise Unreadable(f"Name a file, without options. {_SQLITE_ADVICE}")
    return Path(path)


def _show_database(database: Path | ServerUrl) -> str:
    return database.place if isinstance(database, ServerUrl) else f"{_SQLITE}{database}"


def _parse_postgres_url(text: str) -> ServerUrl:
    """Several hosts, or none for a socket of this machine, as libpq reads them."""
    match = _POSTGRES.fullmatch(text)
    if match is None:
        raise Unreadable(_POSTGRES_ADVICE)
    hosts = _hosts_of(match["hosts"], _POSTGRES_ADVICE) if match["hosts"] else []
    options = dict(part.partition("=")[::2] for part in (match["options"] or "?")[1:].split("&"))
    is_socket = options.get("host", "/").startswith(("/", "%2F"))
    is_far = not is_socket or not all(is_loopback(host.strip("[]")) for host, _ in hosts)
    return ServerUrl(
        f"postgresql://{_login_of(match)}{_shown(hosts)}/{match['path']}",
        Secret(f"postgresql://{text.partition('://')[2]}".encode()),
        is_plain=is_far and options.get("sslmode") not in _VERIFIED,
    )


def _parse_redis_url(text: str) -> ServerUrl:
    match = _REDIS.fullmatch(text)
    if match is None:
        raise Unreadable(_REDIS_ADVICE)
    hosts = _hosts_of(match["hosts"], _REDIS_ADVICE)
    if len(hosts) > 1:
        raise Unreadable(_REDIS_ADVICE)
    place = f"{match['scheme']}://{_login_of(match)}{_shown(hosts)}/{match['path'] or 0}"
    is_far = not is_loopback(hosts[0][0].strip("[]"))
    return ServerUrl(place, Secret(text.encode()), is_far and match["scheme"] == "redis")


def _login_of(match: re.Match[str]) -> str:
    return f"{HIDDEN}@" if match["login"] else ""


def _hosts_of(text: str, advice: str) -> list[tuple[str, str]]:
    hosts = []
    for part in text.split(","):
        match = _HOST.fullmatch(part)
        if match is None or not 0 < int(match["port"] or 1) <= LAST_PORT:
            raise Unreadable(advice)
        try:
            hosts.append((parse_host(match["host"].lower()), match["port"] or ""))
        except ValueError:
            raise Unreadable(advice) from None
    return hosts


def _shown(hosts: list[tuple[str, str]]) -> str:
    return ",".join(f"{host}:{port}" if port else host for host, port in hosts)
