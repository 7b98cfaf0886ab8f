"""Sign-in: a proof of identity becomes one server-side session, new each time (attack S01)."""

from dataclasses import dataclass

from watchword.crypto.identifiers import RANDOM_BYTES, make_id
from watchword.domain.accounts import Account
from watchword.domain.devices import Origin
from watchword.domain.events import DeviceTrusted, SessionEnded, SignedIn
from watchword.domain.factors import ONE_TIME_CODE, Methods, is_multi_factor
from watchword.domain.risk import Action, Judgement, Signal
from watchword.domain.second_step import TRUSTED_FOR
from watchword.domain.sessions import EndReason, Session, SessionPolicy, Transport
from watchword.domain.time import Instant
from watchword.flows.devices import Greeting, KnownDevices
from watchword.flows.grants import Grant, Grants
from watchword.flows.outbox import Postman
from watchword.flows.risk import SignInRisk
from watchword.ports import Clock, Randomness, RequestTrace, Unit

SALT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Where a sign-in comes from and how its session is to be held. ``device`` is the signed
    device cookie, ``replaces`` the ids of the sessions that this browser held until now;
    ``trusts_device``: it is not to be asked for a second factor for a while.
    """

    transport: Transport
    origin: Origin
    trace: RequestTrace
    remember: bool = True
    device: str | None = None
    replaces: frozenset[str] = frozenset()
    trusts_device: bool = False


@dataclass(frozen=True, slots=True)
class SessionOpener:
    """Opens a session for an account whose person has proven who they are."""

    grants: Grants
    risk: SignInRisk
    policy: SessionPolicy
    clock: Clock
    randomness: Randomness

    @property
    def devices(self) -> KnownDevices:
        return self.risk.devices

    @property
    def postman(self) -> Postman:
        return self.risk.postman

    async def open(
        self,
        unit: Unit,
        account: Account,
        arrival: Arrival,
        *,
        amr: Methods,
        proven: str | None,
        judged: Judgement,
    ) -> Grant:
        """``proven`` is the stored hash that was matched; None when it was no password. ``judged``
        is what `SignInRisk.judge` found: a notice is sent here, once there is a session.
        """
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
        await self._note(unit, session, arrival, greeting)
        told = self._to_tell(session, judged, greeting)
        await self.risk.notify(unit, account, told, arrival.trace, session=session.id)
        return await self.grants.give(account, session, now=now, device=greeting.cookie)

    async def _note(
        self, unit: Unit, session: Session, arrival: Arrival, greeting: Greeting
    ) -> None:
        """What is written down of it. Only the signed cookie is ever trusted, never a likeness."""
        now, user_id = session.created_at, session.user_id
        event = SignedIn(
            subject=user_id,
            actor=user_id,
            session=session.id,
            amr=" ".join(session.amr),
            new_device=not greeting.is_known,
        )
        await unit.audit.append(event, at=now, trace=arrival.trace)
        has_shown_a_code = set(ONE_TIME_CODE) <= set(session.amr)
        trusts_device = self.policy.trusts_devices and arrival.trusts_device and has_shown_a_code
        if trusts_device and greeting.device_hash is not None:
            await unit.devices.trust(user_id, greeting.device_hash, until=now + TRUSTED_FOR)
            trusted = DeviceTrusted(subject=user_id, actor=user_id, session=session.id)
            await unit.audit.append(trusted, at=now, trace=arrival.trace)

    def _to_tell(
        self, session: Session, judged: Judgement, greeting: Greeting
    ) -> tuple[Signal, ...]:
        """Who has no second factor to be asked for is told instead."""
        told = judged.that(Action.NOTICE)
        if not (is_multi_factor(session.amr) or set(ONE_TIME_CODE) <= set(session.amr)):
            told = (*judged.that(Action.SECOND_FACTOR), *told)
        is_new = not (greeting.is_known or greeting.is_first)
        if is_new and self.risk.policy.new_device is Action.NOTICE:
            told = (Signal.NEW_DEVICE, *told)
        return told

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
        self, account: Account, arrival: Arrival, amr: Methods, now: Instant
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
