"""What is unusual about a sign-in, asked by every way in once its proof was right.

Invariant: who has shown no proof learns nothing here, for nothing is looked up before it (attacks
E01, E02). Where nothing is configured and no database says where anybody is, no query is made.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from watchword.domain.accounts import Account
from watchword.domain.devices import Origin
from watchword.domain.errors import CountryBlocked, Refusal
from watchword.domain.events import UnusualSignIn
from watchword.domain.letters import REFUSED, Reason
from watchword.domain.places import Place
from watchword.domain.risk import (
    LOOKED_BACK,
    Action,
    Judgement,
    RiskPolicy,
    Sighting,
    Signal,
    signals_of_place,
)
from watchword.flows.devices import KnownDevices
from watchword.flows.outbox import Postman
from watchword.ports import Clock, Count, Devices, Meter, Places, RequestTrace, Unit, Visits


class Past(Protocol):
    """What is known of earlier sign-ins: in the transaction that is open, or as it is committed."""

    @property
    def sessions(self) -> Visits: ...
    @property
    def devices(self) -> Devices: ...


class NotAdmitted(Exception):
    """The proof was right, and the sign-in is refused all the same; `SignInRisk.guarding` turns it
    into the answer.
    """

    def __init__(self, account: Account, judged: Judgement) -> None:
        self.account = account
        self.judged = judged
        super().__init__()


@dataclass(frozen=True, slots=True)
class SignInRisk:
    devices: KnownDevices
    places: Places
    policy: RiskPolicy
    postman: Postman
    clock: Clock
    meter: Meter

    async def judge(
        self, past: Past, account: Account, origin: Origin, device: str | None
    ) -> Judgement:
        """``device`` is the signed device cookie; the user agent has no say. Raise `NotAdmitted`,
        within `guarding`.
        """
        signals = []
        if self.policy.asks_devices and await self._is_new(past.devices, account, device):
            signals.append(Signal.NEW_DEVICE)
        if self.policy.asks_places:
            place = self.places.find(origin.ip)
            if self.policy.bars(origin.ip, place):
                signals.append(Signal.COUNTRY)
            if place is not None:
                signals += await self._of_place(past.sessions, account, place)
        judged = Judgement.of(signals, self.policy)
        if judged.refuses:
            raise NotAdmitted(account, judged)
        return judged

    async def _is_new(self, devices: Devices, account: Account, cookie: str | None) -> bool:
        """A likeness is not enough here: anybody can have the same browser (attack B06)."""
        held = self.devices.hash_of(cookie)
        if held is not None and await devices.is_known(account.id, held):
            return False
        return await devices.has_any(account.id)

    async def _of_place(self, visits: Visits, account: Account, place: Place) -> Sequence[Signal]:
        before = []
        if self.policy.looks_back and (place.country_code or place.coordinates):
            earlier = await visits.list_visits(account.id, at_most=LOOKED_BACK)
            known = {ip: self.places.find(ip) for ip in {visit.ip for visit in earlier}}
            before = [Sighting(known[visit.ip], visit.at) for visit in earlier]
        return signals_of_place(Sighting(place, self.clock.now()), before)

    @asynccontextmanager
    async def guarding(self, trace: RequestTrace, refusal: Refusal) -> AsyncIterator[None]:
        """Around the transaction of a sign-in: one that is refused leaves nothing behind but what
        is written down of it, in a transaction of its own. Raise ``refusal`` then, which is what
        this way in says to a wrong proof; `CountryBlocked` where it is a country alone.
        """
        try:
            yield
        except NotAdmitted as no:
            await self._refuse(no, trace)
            raise (CountryBlocked() if no.judged.is_told else refusal) from None

    async def _refuse(self, no: NotAdmitted, trace: RequestTrace) -> None:
        """The mail is counted with those on the word of strangers: whoever is refused is one, and
        can come back as often as they like (attack P07).
        """
        self.meter.count(Count.SIGN_INS, "country_blocked" if no.judged.is_told else "refused")
        account, signals = no.account, no.judged.that(Action.REFUSE)
        may_write = await self.postman.may_write_to(account.email)
        async with self.devices.store.transaction() as unit:
            # An account that was to be made by this very sign-in is not there.
            is_there = await unit.accounts.find(account.id) is not None
            event = _event(account.id if is_there else None, signals, Action.REFUSE)
            await unit.audit.append(event, at=self.clock.now(), trace=trace)
            if is_there and may_write:
                detail = " ".join((REFUSED, *signals))
                await self.postman.tell(unit, Reason.UNUSUAL_SIGN_IN, account, trace, detail=detail)

    async def note_asked(
        self, unit: Unit, account: Account, judged: Judgement, trace: RequestTrace
    ) -> None:
        """A second factor is asked for, by which browser they may come."""
        signals = judged.that(Action.SECOND_FACTOR)
        if signals:
            event = _event(account.id, signals, Action.SECOND_FACTOR)
            await unit.audit.append(event, at=self.clock.now(), trace=trace)

    async def notify(
        self,
        unit: Unit,
        account: Account,
        signals: Sequence[Signal],
        trace: RequestTrace,
        *,
        session: str,
    ) -> None:
        """One event and one mail, whatever there is to tell of a sign-in."""
        if not signals:
            return
        event = _event(account.id, signals, Action.NOTICE, session)
        await unit.audit.append(event, at=self.clock.now(), trace=trace)
        if list(signals) == [Signal.NEW_DEVICE]:
            await self.postman.tell(unit, Reason.NEW_DEVICE, account, trace)
        else:
            detail = " ".join(signals)
            await self.postman.tell(unit, Reason.UNUSUAL_SIGN_IN, account, trace, detail=detail)


def _event(
    subject: str | None, signals: Sequence[Signal], action: Action, session: str | None = None
) -> UnusualSignIn:
    return UnusualSignIn(
        subject=subject, session=session, signals=" ".join(signals), action=action.value
    )
