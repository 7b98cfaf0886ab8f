"""Letters are put into the outbox with the change that they tell of, in one transaction."""

from dataclasses import dataclass

from watchword.crypto.identifiers import RANDOM_BYTES, make_id
from watchword.crypto.opaque import hash_of
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.letters import Letter, Reason
from watchword.ports import Allowance, Clock, Limits, Randomness, RequestTrace, Unit


@dataclass(frozen=True, slots=True)
class Postman:
    """``allowance`` bounds what one address may be sent on the word of strangers; None: nothing
    does.
    """

    limits: Limits
    clock: Clock
    randomness: Randomness
    allowance: Allowance | None

    async def may_write_to(self, address: EmailAddress) -> bool:
        """Count one mail that somebody asks for in the name of an address."""
        if self.allowance is None:
            return True
        key = f"mail {hash_of(address.key.encode()).hex()[:32]}"
        tally = await self.limits.hit(key, self.allowance, now=self.clock.now())
        return not tally.is_over

    async def tell(
        self, unit: Unit, reason: Reason, account: Account, trace: RequestTrace, *, detail: str = ""
    ) -> None:
        """To the owner of an account, at its address."""
        await self.write_to(unit, reason, account.email, trace, user_id=account.id, detail=detail)

    async def write_to(
        self,
        unit: Unit,
        reason: Reason,
        address: EmailAddress,
        trace: RequestTrace,
        *,
        user_id: str | None = None,
        detail: str = "",
    ) -> None:
        """To an address; without ``user_id`` it is found out later whose it is, if anybody's."""
        now = self.clock.now()
        letter = Letter(
            id=make_id(now, self.randomness.bytes(RANDOM_BYTES)),
            reason=reason,
            address=address.text,
            user_id=user_id,
            ip=trace.ip,
            user_agent=trace.user_agent,
            detail=detail,
            created_at=now,
            language=trace.language,
        )
        await unit.outbox.put(letter, due=now)
