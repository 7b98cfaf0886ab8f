"""Who may come: every route names one of these, and nothing else lets anybody in."""

from dataclasses import dataclass
from enum import StrEnum

from watchword.domain.roles import Permission
from watchword.domain.standing import Caller
from watchword.domain.time import Instant, Span


class Limit(StrEnum):
    """Classes of limits; see the limits table of the API reference."""

    AUTH = "auth"
    SIGN_IN = "sign_in"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Policy:
    """``permission`` is needed for what is not one's own; ``owner`` says whether a ``{id}`` in
    the path can make it one's own; ``fresh`` and ``fresh_owner`` ask for a recent proof.
    ``is_service``: another service comes, by a token of the settings, and never a user.
    """

    is_public: bool = False
    is_service: bool = False
    permission: Permission | None = None
    owner: bool = False
    fresh: bool = False
    fresh_owner: bool = False

    def require(
        self, caller: Caller, user_id: str | None, *, now: Instant, step_up_ttl: Span
    ) -> None:
        """Raise `Forbidden` or `StepUpRequired`."""
        is_owner = self.owner and user_id == caller.account.id
        if self.permission is not None and not is_owner:
            caller.require(self.permission)
        if self.fresh or (is_owner and self.fresh_owner):
            caller.require_fresh(now, step_up_ttl)


PUBLIC = Policy(is_public=True)
SERVICE = Policy(is_service=True)
USER = Policy()
FRESH_USER = Policy(fresh=True)


def permitted(permission: Permission, *, fresh: bool = False) -> Policy:
    return Policy(permission=permission, fresh=fresh)


def owner_or(permission: Permission, *, fresh_owner: bool = False) -> Policy:
    return Policy(permission=permission, owner=True, fresh_owner=fresh_owner)
