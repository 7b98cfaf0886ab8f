"""The second factor of somebody who has lost it, removed by who has made sure who they are.

Invariant: nobody is spared their own second factor by their own word.
"""

from dataclasses import dataclass

from watchword.domain.accounts import Account
from watchword.domain.errors import Conflict, Forbidden, NotFound
from watchword.domain.events import MfaDisabled
from watchword.domain.letters import Reason
from watchword.domain.roles import Roles
from watchword.domain.standing import Caller
from watchword.flows.outbox import Postman
from watchword.ports import Clock, RequestTrace, Store


@dataclass(frozen=True, slots=True)
class FactorReset:
    store: Store
    roles: Roles
    postman: Postman
    clock: Clock

    async def __call__(self, caller: Caller | None, user_id: str, trace: RequestTrace) -> None:
        """With their recovery codes and their trusted devices; the password stays, and a mail tells
        the owner (ASVS 6.4.4). ``caller`` is None for the operator's own command. Raise
        `NotFound`, `Forbidden`, `Conflict` when it is off, or one's own.
        """
        async with self.store.transaction() as unit:
            account = await unit.accounts.find(user_id)
            if account is None:
                raise NotFound("There is no such user.")
            if caller is not None:
                self._require_may(caller, account)
            if not await unit.totp.remove(user_id):
                raise Conflict("This account has no second factor.")
            await unit.devices.distrust(user_id)
            event = MfaDisabled(
                subject=user_id,
                actor=caller.account.id if caller else None,
                session=caller.session.id if caller else None,
                reason="operator",
            )
            await unit.audit.append(event, at=self.clock.now(), trace=trace)
            await self.postman.tell(unit, Reason.MFA_DISABLED, account, trace)

    def _require_may(self, caller: Caller, account: Account) -> None:
        """Whoever holds a session alone would turn off what it takes a code to turn off (A08)."""
        if caller.account.id == account.id:
            raise Conflict("Turn off your own second factor in your account, by a code of it.")
        if not self.roles.granted_to(account.role) <= caller.permissions:
            raise Forbidden
