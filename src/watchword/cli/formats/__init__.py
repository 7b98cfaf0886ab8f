"""The systems that accounts come from: what each exports becomes the fields that importing knows.

To add one: a module with a function that makes its `Format`, a line in `SYSTEMS`, a row in
docs/import.md, and a file of its users in the tests. Invariant: nothing here reads a file of
accounts, and nobody is made an administrator, or let in who was shut out, unless it was asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watchword.cli.formats.auth0 import auth0
from watchword.cli.formats.django import django
from watchword.cli.formats.fastapi_users import fastapi_users
from watchword.cli.formats.fields import Record, Unreadable
from watchword.cli.formats.firebase import HashConfig, firebase
from watchword.cli.formats.format import Format
from watchword.cli.formats.keycloak import keycloak
from watchword.cli.formats.own import own
from watchword.cli.formats.supabase import supabase
from watchword.cli.terminal import fail
from watchword.domain.time import Instant

__all__ = ["SYSTEMS", "Format", "Record", "Terms", "Unreadable", "format_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was asked for beside the file. ``grant_admin`` makes superusers administrators;
    ``hash_config`` is a file of Firebase's hash parameters.
    """

    grant_admin: bool
    hash_config: Path | None


def _firebase(terms: Terms, _now: Instant) -> Format:
    if terms.hash_config is None:
        raise fail(
            "Firebase's hashes are verified with the parameters of its project: save what the"
            " console shows as password hash parameters, and name the file: --hash-config FILE."
        )
    return firebase(HashConfig.read(terms.hash_config))


SYSTEMS: Final[Mapping[str, Callable[[Terms, Instant], Format]]] = {
    "auth0": lambda _terms, _now: auth0(),
    "firebase": _firebase,
    "supabase": lambda _terms, now: supabase(now),
    "keycloak": lambda _terms, _now: keycloak(),
    "django": lambda terms, _now: django(grant_admin=terms.grant_admin),
    "fastapi-users": lambda terms, _now: fastapi_users(grant_admin=terms.grant_admin),
}
_WITH_SUPERUSERS: Final = ("django", "fastapi-users")


def format_of(name: str, terms: Terms, now: Instant) -> Format:
    """That of a system, else our own. Raise an error for terms that it does not have."""
    if terms.grant_admin and name not in _WITH_SUPERUSERS:
        raise fail(f"--grant-admin is for --format {' and '.join(_WITH_SUPERUSERS)}.")
    if terms.hash_config is not None and name != "firebase":
        raise fail("--hash-config is for --format firebase.")
    return SYSTEMS[name](terms, now) if name in SYSTEMS else own()
