"""Sign-in: a proof of identity becomes one server-side session, new each time (attack S01)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from watchword.crypto.identifiers import RANDOM_BYTES, make_id
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.devices import Origin
from watchword.domain.errors import AccountDisabled, Busy, EmailNotVerified
from watchword.domain.events import PasswordUpgraded, SessionEnded, SignedIn
from watchword.domain.letters import Reason
from watchword.domain.passwords import normalise
from watchword.domain.sessions import EndReason, Session, SessionPolicy, Transport
from watchword.domain.time import Instant
from watchword.flows.attempts import PasswordProof, Proof, Target
from watchword.flows.devices import KnownDevices
from watchword.flows.grants import Grant, Grants
from watchword.flows.outbox import Postman
from watchword.ports import (
    Clock,
    Count,
    Hasher,
    HashState,
    Meter,
    Randomness,
    RequestTrace,
    Store,
    Unit,
)

SALT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Where a sign-in comes from and how its session is to be held. ``device`` is the signed
    device cookie, ``replaces`` the ids of the sessions that this browser held until now.
    """

    transport: Transport
    origin: Origin
    trace: RequestTrace
    remember: bool = True
    device: str | None = None
    replaces: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SessionOpener:
    """Opens a session for an account whose person has proven who they are."""

    grants: Grants
    devices: KnownDevices
    policy: SessionPolicy
    postman: Postman
    clock: Clock
    randomness: Randomness

    async def open(
        self,
        unit: Unit,
        account: Account,
        arrival: Arrival,
        *,
        amr: tuple[str, ...],
        proven: str | None,
    ) -> Grant:
        """``proven`` is the stored hash that was matched; None when it was no password."""
        now = self.clock.now()
        session = self._new_session(account, arrival, amr, now)
        for held in arrival.replaces:
            await self._replace(unit, held, arrival, now)
        policy = self.policy
        evicted = await unit.sessions.open(
            session, limit=policy.limit, evicts=policy.evicts, proven=proven
        )
        for session_id in evicted:
            ended = SessionEnded(subject=account.id, session=session_id, reason=EndReason.EVICTED)
            await unit.audit.append(ended, at=now, trace=arrival.trace)
        greeting = await self.devices.greet(
            unit,
            account,
            arrival.device,
            arrival.origin,
            keeps_cookies=arrival.transport is not Transport.BODY,
            now=now,
        )
        signed_in = SignedIn(
            subject=account.id,
            actor=account.id,
            session=session.id,
            amr=" ".join(amr),
            new_device=not greeting.is_known,
        )
        await unit.audit.append(signed_in, at=now, trace=arrival.trace)
        if not (greeting.is_known or greeting.is_first):
            await self.postman.tell(unit, Reason.NEW_DEVICE, account, arrival.trace)
        return await self.grants.give(account, session, now=now, device=greeting.cookie)

    async def _replace(self, unit: Unit, session_id: str, arrival: Arrival, now: Instant) -> None:
        standing = await unit.sessions.find(session_id)
        if standing is None:
            return
        if await unit.sessions.end(session_id, EndReason.REPLACED, now=now):
            ended = SessionEnded(
                subject=standing.account.id, session=session_id, reason=EndReason.REPLACED
            )
            await unit.audit.append(ended, at=now, trace=arrival.trace)

    def _new_session(
        self, account: Account, arrival: Arrival, amr: tuple[str, ...], now: Instant
    ) -> Session:
        policy = self.policy
        absolute = policy.absolute_ttl if arrival.remember else policy.unremembered_ttl
        absolute = min(absolute, policy.absolute_ttl)
        idle = min(policy.idle_ttl, absolute)
        return Session(
            id=make_id(now, self.randomness.bytes(RANDOM_BYTES)),
            user_id=account.id,
            transport=arrival.transport,
            generation=1,
            proof=1,
            salt=self.randomness.bytes(SALT_BYTES),
            rotated_at=now,
            created_at=now,
            last_seen_at=now,
            idle_ttl=idle,
            idle_expires_at=now + idle,
            expires_at=now + absolute,
            authenticated_at=now,
            amr=amr,
            origin=arrival.origin,
            remembered=arrival.remember,
        )


async def _nothing() -> None: ...


@dataclass(frozen=True, slots=True)
class PasswordSignIn:
    store: Store
    proof: PasswordProof
    opener: SessionOpener
    hasher: Hasher
    clock: Clock
    meter: Meter
    needs_verified: bool

    async def __call__(
        self,
        address: EmailAddress,
        password: str,
        arrival: Arrival,
        *,
        on_proof: Callable[[], Awaitable[None]] = _nothing,
    ) -> Grant:
        """Raise `InvalidCredentials` for a wrong password as for an unknown address or an account
        without a password, `TooManyAttempts`; only after the right password `AccountDisabled` and
        `EmailNotVerified`; `SessionLimitReached`, `Busy`. ``on_proof`` is done once the password
        has proven right.
        """
        account = await self.store.reading.accounts.find_by_address(address)
        device = await self.opener.devices.proven(account, arrival.device)
        target = Target(address, account, device)
        proof = await self.proof(target, password, arrival.trace)
        if not proof.account.is_active:
            self.meter.count(Count.SIGN_INS, "disabled")
            raise AccountDisabled
        if self.needs_verified and not proof.account.email_verified:
            self.meter.count(Count.SIGN_INS, "not_verified")
            raise EmailNotVerified
        upgraded = await self._upgraded_hash(proof, password)
        await on_proof()  # counters do not wait for the disk: it shares the session's commit
        grant = await self._open(proof.account, arrival, upgraded)
        self.meter.count(Count.SIGN_INS, "signed_in")
        return grant

    async def _upgraded_hash(self, proof: Proof, password: str) -> str | None:
        if proof.hash_state is HashState.CURRENT:
            return None
        try:
            return await self.hasher.hash(normalise(password))
        except Busy:
            return None  # another time: whoever has proven who they are is not turned away for it

    async def _open(self, account: Account, arrival: Arrival, upgraded: str | None) -> Grant:
        """The session opens only if the hash that was proven is still the account's: a password
        changed meanwhile wins (attack R09).
        """
        proven = account.password_hash
        async with self.store.transaction() as unit:
            grant = await self.opener.open(unit, account, arrival, amr=("pwd",), proven=proven)
            if upgraded is not None and await unit.accounts.replace_password(
                account.id, upgraded, instead_of=proven or ""
            ):
                event = PasswordUpgraded(subject=account.id, actor=account.id)
                await unit.audit.append(event, at=self.clock.now(), trace=arrival.trace)
        return grant
