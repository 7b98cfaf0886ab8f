"""Requests counted per client address, before any body is read."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from watchword.crypto.opaque import hash_of
from watchword.domain.accounts import EmailAddress
from watchword.domain.devices import limit_bucket
from watchword.domain.errors import RateLimited
from watchword.domain.time import Instant
from watchword.ports import Allowance, Clock, Count, Limits, Meter, Tally
from watchword.web.policies import Limit


@dataclass(frozen=True, slots=True)
class Limiter:
    """A limit that is None is off. In a storm, sign-ins ``gather`` before they are counted."""

    limits: Limits
    clock: Clock
    meter: Meter
    auth: Allowance | None
    sign_in: Allowance | None
    mail: Allowance | None
    gather: Callable[[], Awaitable[object]]

    async def admit(self, classes: frozenset[Limit], ip: str) -> None:
        """Count this request. Sign-in attempts are only looked at here: they are counted with
        the account they are for, once that is known. Raise `RateLimited`.
        """
        bucket = limit_bucket(ip)
        if Limit.SIGN_IN in classes:
            await self.gather()
        if Limit.AUTH in classes and self.auth is not None:
            now = self.clock.now()
            tally = await self.limits.hit(f"auth {bucket}", self.auth, now=now)
            self._judge(Limit.AUTH, self.auth, tally, now)
        if Limit.MAIL in classes and self.mail is not None:
            now = self.clock.now()
            tally = await self.limits.hit(f"mail {bucket}", self.mail, now=now)
            self._judge(Limit.MAIL, self.mail, tally, now)
        if Limit.SIGN_IN in classes and self.sign_in is not None:
            now = self.clock.now()
            tally = await self.limits.peek(f"sign_in {bucket}", self.sign_in, now=now)
            self._judge(Limit.SIGN_IN, self.sign_in, tally, now)

    async def count_sign_in(self, ip: str, who: EmailAddress | bytes) -> None:
        """Count an attempt, before any work (attack B04). Raise `RateLimited`. ``who`` is the
        address that is claimed, or the name of the passkey.
        """
        if self.sign_in is None:
            return
        now = self.clock.now()
        tally = await self.limits.hit(
            f"sign_in {limit_bucket(ip)}", self.sign_in, now=now, share=_share(who)
        )
        self._judge(Limit.SIGN_IN, self.sign_in, tally, now)

    async def take_back_sign_in(self, ip: str, email: EmailAddress) -> None:
        """The attempt was turned away unheard, for want of room."""
        if self.sign_in is not None:
            await self.limits.take_back(f"sign_in {limit_bucket(ip)}", _share(email))

    async def forgive_sign_ins(self, ip: str, who: EmailAddress | bytes) -> None:
        """A success takes back what was counted for that account, and for no other (B08)."""
        if self.sign_in is not None:
            await self.limits.forgive(f"sign_in {limit_bucket(ip)}", _share(who))

    def _judge(self, limit: Limit, allowance: Allowance, tally: Tally, now: Instant) -> None:
        if tally.is_over:
            self.meter.count(Count.LIMITED, limit.value)
            raise RateLimited(retry_after=max(1, tally.resets_at - now), allowed=allowance.count)


def _share(who: EmailAddress | bytes) -> str:
    """By account, in whatever spelling; addresses are not kept in the clear."""
    return hash_of(who if isinstance(who, bytes) else who.key.encode()).hex()[:32]
