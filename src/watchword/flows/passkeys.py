"""What a signed-in person does with their own passkeys: add, list, rename, remove."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from watchword.crypto.ceremonies import verify_registration
from watchword.crypto.identifiers import RANDOM_BYTES, make_id
from watchword.crypto.passkeys import NewPasskey, PasskeyRefused, RelyingParty, UserEntity
from watchword.domain.accounts import parse_name
from watchword.domain.errors import (
    FieldError,
    Invalid,
    NotFound,
    SessionRevoked,
    StepUpRequired,
)
from watchword.domain.events import (
    PasskeyAdded,
    PasskeyRejected,
    PasskeyRemoved,
    PasskeyRenamed,
)
from watchword.domain.factors import (
    PASSKEY_NAME_LIMIT,
    Passkey,
    is_multi_factor,
    name_passkey,
    user_handle,
)
from watchword.domain.letters import Reason
from watchword.domain.links import Purpose
from watchword.domain.standing import Caller
from watchword.flows.challenges import Challenges
from watchword.flows.outbox import Postman
from watchword.flows.sessions import require_alive
from watchword.flows.ways_in import require_another_way_in
from watchword.ports import Clock, Providers, Randomness, RequestTrace, Store, Unit


@dataclass(frozen=True, slots=True)
class PasskeyRegistration:
    """``ready`` returns once answers can be verified without keeping anybody else waiting."""

    store: Store
    challenges: Challenges
    party: RelyingParty
    postman: Postman
    clock: Clock
    randomness: Randomness
    ready: Callable[[], Awaitable[None]]

    async def options(self, caller: Caller) -> Mapping[str, object]:
        """PublicKeyCredentialCreationOptionsJSON (WebAuthn level 3 section 5.1.9). Raise
        `StepUpRequired`.
        """
        require_factors(caller)
        account = caller.account
        known = await self.store.reading.passkeys.list_of(account.id)
        challenge = await self.challenges.issue(Purpose.PASSKEY_REGISTER, session=caller.session)
        email = account.email.text
        user = UserEntity(user_handle(account.id), email, account.name or email)
        return self.party.creation_options(
            user, challenge, exclude=[passkey.descriptor for passkey in known]
        )

    async def finish(
        self, caller: Caller, told: Mapping[str, object], name: str, trace: RequestTrace
    ) -> Passkey:
        """Keep the passkey of a RegistrationResponseJSON. Raise `Invalid` for one that is not
        believed, or does not answer the newest challenge of this session; `Conflict` for one that
        somebody has already (attack W07); `StepUpRequired`. ``name`` may be empty.
        """
        require_factors(caller)
        given = parse_name(name, limit=PASSKEY_NAME_LIMIT)  # before the challenge is used up
        await self.ready()
        try:
            new = await self._verified(caller, told)
        except PasskeyRefused as refused:
            await self._record_refusal(caller, refused.reason, trace)
            raise Invalid(
                FieldError("credential", "This passkey was not accepted. Begin once more.")
            ) from None
        return await self._keep(caller, new, given, trace)

    async def _verified(self, caller: Caller, told: Mapping[str, object]) -> NewPasskey:
        challenge = await self.challenges.use_up(
            told, Purpose.PASSKEY_REGISTER, session=caller.session
        )
        return verify_registration(self.party, told, challenge=challenge)

    async def _keep(
        self, caller: Caller, new: NewPasskey, name: str, trace: RequestTrace
    ) -> Passkey:
        now = self.clock.now()
        passkey = Passkey(
            id=make_id(now, self.randomness.bytes(RANDOM_BYTES)),
            user_id=caller.account.id,
            name=name_passkey(name, aaguid=new.aaguid),
            credential_id=new.credential_id,
            public_key=new.public_key,
            sign_count=new.sign_count,
            aaguid=new.aaguid,
            transports=new.transports,
            backup_eligible=new.backup_eligible,
            backed_up=new.backed_up,
            created_at=now,
        )
        async with self.store.transaction() as unit:
            await require_alive(unit, caller, self.clock.now())
            await unit.passkeys.insert(passkey)
            event = PasskeyAdded(
                subject=passkey.user_id,
                actor=passkey.user_id,
                session=caller.session.id,
                passkey=passkey.id,
                synced=passkey.backup_eligible,
            )
            await unit.audit.append(event, at=now, trace=trace)
            await self.postman.tell(
                unit, Reason.PASSKEY_ADDED, caller.account, trace, detail=passkey.name
            )
        return passkey

    async def _record_refusal(self, caller: Caller, reason: str, trace: RequestTrace) -> None:
        """Else nobody could see why no browser of a misconfigured site gets a passkey in."""
        event = PasskeyRejected(
            subject=caller.account.id,
            actor=caller.account.id,
            session=caller.session.id,
            reason=reason,
        )
        async with self.store.transaction() as unit:
            await unit.audit.append(event, at=self.clock.now(), trace=trace)


def require_factors(caller: Caller) -> None:
    """A passkey can be two factors at once. Who got in by one of two, on a trusted browser or by a
    mail, must not make themselves one (attack A08; NIST SP 800-63B-4 section 4.1.2.1). Raise
    `StepUpRequired`.
    """
    if caller.account.mfa_enabled and not is_multi_factor(caller.session.amr):
        raise StepUpRequired


@dataclass(frozen=True, slots=True)
class OwnPasskeys:
    store: Store
    providers: Providers
    postman: Postman
    clock: Clock

    async def list_own(self, caller: Caller) -> Sequence[Passkey]:
        """Oldest first."""
        return await self.store.reading.passkeys.list_of(caller.account.id)

    async def rename(
        self, caller: Caller, passkey_id: str, name: str, trace: RequestTrace
    ) -> Passkey:
        """Raise `Invalid`; `NotFound` for somebody else's as for none (attack W09)."""
        async with self.store.transaction() as unit:
            passkey = await self._own(unit, caller, passkey_id)
            shown = name_passkey(name, aaguid=passkey.aaguid)
            await unit.passkeys.rename(caller.account.id, passkey_id, shown)
            event = PasskeyRenamed(
                subject=caller.account.id,
                actor=caller.account.id,
                session=caller.session.id,
                passkey=passkey_id,
            )
            await unit.audit.append(event, at=self.clock.now(), trace=trace)
        return replace(passkey, name=shown)

    async def remove(self, caller: Caller, passkey_id: str, trace: RequestTrace) -> None:
        """Raise `NotFound` for somebody else's as for none; `LastCredential` (attack W09)."""
        async with self.store.transaction() as unit:
            passkey = await self._own(unit, caller, passkey_id)
            account = await unit.accounts.find(caller.account.id)
            if account is None:
                raise SessionRevoked
            await require_another_way_in(unit, account, self.providers, beside=passkey_id)
            await unit.passkeys.remove(caller.account.id, passkey_id)
            event = PasskeyRemoved(
                subject=caller.account.id,
                actor=caller.account.id,
                session=caller.session.id,
                passkey=passkey_id,
            )
            await unit.audit.append(event, at=self.clock.now(), trace=trace)
            await self.postman.tell(
                unit, Reason.PASSKEY_REMOVED, caller.account, trace, detail=passkey.name
            )

    async def _own(self, unit: Unit, caller: Caller, passkey_id: str) -> Passkey:
        for passkey in await unit.passkeys.list_of(caller.account.id):
            if passkey.id == passkey_id:
                return passkey
        raise NotFound("There is no such passkey.")
