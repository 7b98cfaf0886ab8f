"""An account that an administrator makes for somebody, who sets the password by a mailed link."""

from dataclasses import dataclass

from watchword.domain.accounts import Account, EmailAddress, parse_name
from watchword.domain.events import Invited
from watchword.domain.letters import Reason
from watchword.domain.roles import USER, Roles
from watchword.domain.standing import Caller
from watchword.domain.time import Span
from watchword.flows.outbox import Postman
from watchword.flows.registration import Registration
from watchword.ports import Clock, RequestTrace, Store


@dataclass(frozen=True, slots=True)
class Invitations:
    store: Store
    registration: Registration
    postman: Postman
    roles: Roles
    clock: Clock
    step_up_ttl: Span

    async def invite(
        self, caller: Caller, email: str, trace: RequestTrace, *, role: str | None, name: str
    ) -> Account:
        """Raise `Invalid` naming the field, `Forbidden` for a role above one's own, `Conflict`.
        A role is given to a newcomer, as to anybody, by a fresh proof alone, for the thief of a
        session would invite themselves (attack A05): `StepUpRequired`.
        """
        address, shown, given = EmailAddress.parse(email), parse_name(name), role or USER
        self.roles.require_known(given)
        self.roles.require_not_above(caller.role, given)
        if given != USER:
            caller.require_fresh(self.clock.now(), self.step_up_ttl)
        account = self.registration.new_account(address, shown, given, None)
        async with self.store.transaction() as unit:
            await unit.accounts.insert(account)
            event = Invited(subject=account.id, actor=caller.account.id)
            await unit.audit.append(event, at=account.created_at, trace=trace)
            await self.postman.tell(unit, Reason.INVITATION, account, trace)
        return account
