"""Signing in by another identity provider; docs/providers.md says whose account it leads to.

Invariant: an address that a provider tells of opens no account by itself: both sides have to have
verified it, or its owner signs in and links (attacks O07, O08).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.errors import AccountDisabled, EmailNotVerified, FederationFailed
from watchword.domain.events import Registered, RegistrationRepeated
from watchword.domain.federation import Identity
from watchword.domain.identities import FEDERATED, LinkedIdentity, shown_address
from watchword.domain.letters import Reason
from watchword.domain.roles import USER
from watchword.domain.sessions import Transport
from watchword.domain.standing import Caller
from watchword.flows.grants import Grant
from watchword.flows.identities import LinkedIdentities
from watchword.flows.journeys import Departure, Journeys, Plan, Return
from watchword.flows.outbox import Postman
from watchword.flows.registration import Registration
from watchword.flows.second_step import FactorNeeded, SecondStep
from watchword.flows.sign_in import Arrival
from watchword.ports import Clock, Count, ListedProvider, Meter, RequestTrace, Store, Unit

_SIGN_IN_AND_LINK = (
    "An account with this e-mail address exists already. Sign in to it as before, then link this"
    " provider there."
)
_NO_ADDRESS = "This provider tells no e-mail address. Register with one, then link this provider."


@dataclass(frozen=True, slots=True)
class FederatedSignIn:
    store: Store
    identities: LinkedIdentities
    registration: Registration
    second: SecondStep
    postman: Postman
    clock: Clock
    meter: Meter
    needs_verified: bool

    async def __call__(self, back: Return, arrival: Arrival) -> Grant | FactorNeeded:
        """Raise `AccountDisabled`, `EmailNotVerified`, `FederationFailed`, `CountryBlocked`,
        `SessionLimitReached`. Of a sign-in that is refused for its risk nothing stays.
        What is written down beside an `EmailNotVerified` stays: an account, a letter.
        """
        may_write = await self._may_write(back.identity)
        outcome = None
        refused = FederationFailed("risk: refused")
        guarding = self.second.opener.risk.guarding(arrival.trace, refused)
        try:
            async with guarding, self.store.transaction() as unit:
                account = await self._recognise(unit, back, arrival.trace, may_write=may_write)
                if account is not None and (account.email_verified or not self.needs_verified):
                    outcome = await self._go_on(unit, account, arrival)
        except AccountDisabled:
            self.meter.count(Count.SIGN_INS, "disabled")
            raise
        if outcome is None:
            self.meter.count(Count.SIGN_INS, "not_verified")
            raise EmailNotVerified
        ended = "mfa_required" if isinstance(outcome, FactorNeeded) else "signed_in"
        self.meter.count(Count.SIGN_INS, ended)
        return outcome

    async def _go_on(self, unit: Unit, account: Account, arrival: Arrival) -> Grant | FactorNeeded:
        """A provider's word is one factor, whatever it asked its person for (ASVS 6.8.4)."""
        opener = self.second.opener
        judged = await opener.risk.judge(unit, account, arrival.origin, arrival.device)
        if await self.second.is_asked_of(unit.devices, account, arrival.device, judged):
            return await self.second.ask(
                unit, account, arrival, methods=FEDERATED, proven=None, judged=judged
            )
        return await opener.open(unit, account, arrival, amr=FEDERATED, proven=None, judged=judged)

    async def _may_write(self, identity: Identity) -> bool:
        """A letter on the word of somebody whose address is not known to be theirs is counted."""
        if identity.email is None or identity.email_verified or not self.needs_verified:
            return False
        reading = self.store.reading.identities
        if await reading.find(identity.issuer, identity.subject) is not None:
            return False
        return await self.postman.may_write_to(identity.email)

    async def _recognise(
        self, unit: Unit, back: Return, trace: RequestTrace, *, may_write: bool
    ) -> Account | None:
        """None for an address that has an account, when nothing may tell that it has (E07)."""
        identity = back.identity
        known = await unit.identities.find(identity.issuer, identity.subject)
        if known is not None:
            return await self._known(unit, known, identity)
        address = identity.email
        if address is None:
            raise FederationFailed("identity: no address", _NO_ADDRESS)
        account = await unit.accounts.find_by_address(address)
        if account is None:
            return await self._register(unit, back, address, trace, may_write=may_write)
        if self.needs_verified and not identity.email_verified:
            event = RegistrationRepeated(subject=None)
            await unit.audit.append(event, at=self.clock.now(), trace=trace)
            if may_write:
                await self.postman.write_to(unit, Reason.ALREADY_REGISTERED, address, trace)
            return None
        if not (identity.email_verified and account.email_verified):
            raise FederationFailed("identity: address taken, and not verified", _SIGN_IN_AND_LINK)
        account.require_active()
        await self.identities.link(unit, account, back, trace)
        return account

    async def _known(self, unit: Unit, known: LinkedIdentity, identity: Identity) -> Account:
        account = await unit.accounts.find(known.user_id)
        if account is None:
            raise FederationFailed("identity: its account is gone")
        account.require_active()
        await unit.identities.note_use(known, shown_address(identity), now=self.clock.now())
        return account

    async def _register(
        self,
        unit: Unit,
        back: Return,
        address: EmailAddress,
        trace: RequestTrace,
        *,
        may_write: bool,
    ) -> Account:
        identity = back.identity
        made = self.registration.new_account(address, identity.name, USER, None)
        account = replace(made, email_verified=identity.email_verified)
        await unit.accounts.insert(account)
        event = Registered(subject=account.id, actor=account.id)
        await unit.audit.append(event, at=account.created_at, trace=trace)
        if may_write:
            await self.postman.write_to(unit, Reason.VERIFY_EMAIL, address, trace)
        await self.identities.add(unit, account, back, trace)
        return account


@dataclass(frozen=True, slots=True)
class ConsentNeeded:
    """Nothing is linked before the owner of ``account`` has said so, in the session that asked for
    it: ``token`` goes with their word.
    """

    token: str = field(repr=False)
    provider: ListedProvider
    identity: Identity
    account: Account
    session_id: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the browser goes on, and what it holds from now on; None after linking."""

    return_to: str
    grant: Grant | FactorNeeded | ConsentNeeded | None


@dataclass(frozen=True, slots=True)
class Federation:
    """Both ways to come back: to sign in, and to link what one has elsewhere."""

    journeys: Journeys
    sign_in: FederatedSignIn
    identities: LinkedIdentities

    def listed(self) -> Sequence[ListedProvider]:
        """Those that people can choose, by id."""
        return self.journeys.listed()

    async def begin(
        self, provider: str, return_to: str, arrival: Arrival, binding: str | None
    ) -> Departure:
        """Raise as `Journeys.begin`."""
        plan = Plan(
            provider=provider,
            return_to=return_to,
            transport=arrival.transport.value,
            remember=arrival.remember,
            device=arrival.device,
            replaces=arrival.replaces,
        )
        return await self.journeys.begin(plan, binding)

    async def begin_link(
        self, caller: Caller, provider: str, return_to: str, binding: str | None, *, asks: bool
    ) -> Departure:
        """For the session of ``caller``, whose person is asked for their consent on the way back or
        was by who calls this. Raise as `Journeys.begin`.
        """
        plan = Plan(
            provider=provider,
            return_to=return_to,
            transport=caller.session.transport.value,
            session_id=caller.session.id,
            user_id=caller.account.id,
            asks=asks,
        )
        return await self.journeys.begin(plan, binding)

    async def finish(
        self,
        provider: str,
        parameters: Sequence[tuple[str, str]],
        binding: str | None,
        arrival: Arrival,
    ) -> Outcome:
        """Of ``arrival`` the transport is that of the start. Raise as `Journeys.finish`, as
        `FederatedSignIn`, and as `LinkedIdentities.complete`.
        """
        back = await self.journeys.finish(provider, parameters, binding)
        start = back.start
        if start.session_id is not None:
            if start.asks:
                return Outcome(start.return_to, await self._ask(back, binding))
            await self.identities.complete(back, arrival.trace)
            return Outcome(start.return_to, None)
        came = replace(
            arrival,
            transport=Transport(start.transport),
            remember=start.remember,
            device=arrival.device or start.device,
            replaces=arrival.replaces | frozenset(start.replaces),
        )
        return Outcome(start.return_to, await self.sign_in(back, came))

    async def _ask(self, back: Return, binding: str | None) -> ConsentNeeded | None:
        account, start = await self.identities.find_asker(back), back.start
        if account is None or start.session_id is None:
            return None
        token = await self.journeys.pause(back, account, binding)
        provider = self.journeys.get(start.provider)
        return ConsentNeeded(token, provider, back.identity, account, start.session_id)

    async def consent(
        self, caller: Caller, token: str, binding: str | None, trace: RequestTrace
    ) -> None:
        """Link what `ConsentNeeded` told of. Raise `LinkInvalid` for whom nothing waits, and as
        `LinkedIdentities.complete`.
        """
        back = await self.journeys.resume(token, binding, caller.session.id)
        await self.identities.complete(back, trace)

    async def decline(self, caller: Caller, token: str, binding: str | None) -> None:
        """Raise `LinkInvalid` as `consent`."""
        await self.journeys.resume(token, binding, caller.session.id)
