"""Who is asking: an account and its session as of now, and what that lets them do."""

from dataclasses import dataclass

from watchword.domain.accounts import Account
from watchword.domain.errors import Forbidden, StepUpRequired
from watchword.domain.roles import Permission
from watchword.domain.sessions import Session
from watchword.domain.time import Instant, Span


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who has proven who they are, with a session that was alive when they were asked.
    ``role`` is the one in force; ``withheld`` is what the account's own role holds beyond it, until
    a second factor was shown.
    """

    account: Account
    session: Session
    role: str
    permissions: frozenset[Permission]
    withheld: frozenset[Permission] = frozenset()

    def require(self, permission: Permission) -> None:
        if permission in self.withheld:
            raise StepUpRequired(
                "Show a second factor first: POST /auth/reauthenticate with a code. If you have"
                " none, turn one on."
            )
        if permission not in self.permissions:
            raise Forbidden

    def require_owner_or(self, permission: Permission, user_id: str) -> None:
        if user_id != self.account.id:
            self.require(permission)

    def require_fresh(self, now: Instant, step_up_ttl: Span) -> None:
        if not self.session.is_fresh(now, step_up_ttl):
            raise StepUpRequired
