"""The setting that names roles: ``support=users.read,sessions.read editor= auditor=audit.read``.

Invariant: ``admin`` keeps every permission and ``user`` none, and no role is named like a path.
"""

import re
from difflib import get_close_matches

from watchword.domain.devices import printable
from watchword.domain.roles import ADMIN, EVERYTHING, USER, Permission, Roles
from watchword.settings.parsing import Kind, Unreadable
from watchword.settings.reserved import RESERVED

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_ALL = "*"


def roles() -> Kind[Roles]:
    return Kind(_parse, _show)


def _parse(text: str) -> Roles:
    configured: dict[str, frozenset[Permission]] = {}
    for part in text.split():
        name, equals, granted = part.partition("=")
        if not equals:
            raise Unreadable("Write each role with its permissions: support=users.read editor=")
        _require_name(name)
        if name in configured:
            raise Unreadable(f"The role {name} is there twice.")
        configured[name] = _parse_permissions(granted)
    if configured.get(ADMIN, EVERYTHING) != EVERYTHING:
        raise Unreadable("The role admin holds every permission: write admin=*, or leave it out.")
    if configured.get(USER):
        raise Unreadable("The role user holds no permission: name another role for that.")
    return Roles.of(configured)


def _require_name(name: str) -> None:
    shown = printable(name, 40)
    if _NAME.fullmatch(name) is None:
        raise Unreadable(
            f"'{shown}' cannot name a role: use a small letter, then at most 31 small letters, "
            "digits, - or _."
        )
    if name in RESERVED:
        raise Unreadable(f"The role '{shown}' is named like a path: choose another word.")


def _parse_permissions(text: str) -> frozenset[Permission]:
    if text == _ALL:
        return EVERYTHING
    return frozenset(_find_permission(word) for word in text.split(",") if word)


def _find_permission(word: str) -> Permission:
    try:
        return Permission(word)
    except ValueError:
        known = [str(permission) for permission in Permission]
        near = get_close_matches(word[:40], known, n=1) or [f"{_ALL}, {', '.join(known)}"]
        raise Unreadable(f"'{printable(word, 40)}' is no permission. Use {near[0]}.") from None


def _show(configured: Roles) -> str:
    order = [ADMIN, USER, *(name for name in configured.permissions if name not in {ADMIN, USER})]
    return " ".join(f"{name}={_show_permissions(configured.granted_to(name))}" for name in order)


def _show_permissions(granted: frozenset[Permission]) -> str:
    return _ALL if granted == EVERYTHING else ",".join(sorted(granted))
