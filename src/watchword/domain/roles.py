"""Roles are configuration: each is a name for a set of permissions; ownership needs no permission.

A permission is ``<subject>.<verb>``. To add one: name it in `Permission`, use it in the route
table, and say in docs/configuration.md what it opens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from watchword.domain.errors import FieldError, Forbidden, Invalid
from watchword.domain.factors import Methods, is_multi_factor


class Permission(StrEnum):
    """What a role can be given beyond what everybody may do with their own account."""

    USERS_READ = "users.read"
    USERS_INVITE = "users.invite"
    USERS_ROLE = "users.role"
    USERS_STATUS = "users.status"
    USERS_DELETE = "users.delete"
    SESSIONS_READ = "sessions.read"
    SESSIONS_END = "sessions.end"
    AUDIT_READ = "audit.read"


EVERYTHING = frozenset(Permission)
ADMIN = "admin"
USER = "user"


@dataclass(frozen=True, slots=True)
class Roles:
    """The configured roles. ``admin`` holds every permission, ``user`` none; both always exist.
    Those in ``multi_factor`` are in force in sessions that have shown a second factor.
    """

    permissions: Mapping[str, frozenset[Permission]]
    multi_factor: frozenset[str] = frozenset()

    @classmethod
    def of(cls, configured: Mapping[str, frozenset[Permission]] | None = None) -> "Roles":
        return cls({**(configured or {}), ADMIN: EVERYTHING, USER: frozenset()})

    def granted_to(self, role: str) -> frozenset[Permission]:
        """A role that is no longer configured holds nothing."""
        return self.permissions.get(role, frozenset())

    def in_force(self, role: str, methods: Methods) -> str:
        """``role``, or ``user`` as long as it asks for more than ``methods`` (ASVS 6.3.3)."""
        return USER if role in self.multi_factor and not is_multi_factor(methods) else role

    def require_known(self, role: str) -> None:
        if role not in self.permissions:
            known = ", ".join(sorted(self.permissions))
            raise Invalid(FieldError("role", f"Not a role here. Use one of: {known}."))

    def require_not_above(self, actor_role: str, role: str) -> None:
        """Nobody hands out, or acts on the holder of, a permission that they do not hold."""
        if not self.granted_to(role) <= self.granted_to(actor_role):
            raise Forbidden
