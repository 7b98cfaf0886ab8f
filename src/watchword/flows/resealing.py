"""While master secrets are rotated: second factors are sealed anew, so that the old one can go."""

from dataclasses import dataclass

from watchword.flows.factor_proof import TotpSecrets
from watchword.ports import Store

_PIECE = 200  # in one transaction, so that nobody waits long behind them


@dataclass(frozen=True, slots=True)
class Resealing:
    store: Store
    secrets: TotpSecrets

    async def __call__(self) -> int:
        """How many there were to do. Safe to run in several processes at once."""
        count, after = 0, ""
        while True:
            async with self.store.transaction() as unit:
                held = await unit.totp.list_after(after, at_most=_PIECE)
                for totp in held:
                    resealed = self.secrets.resealed(totp)
                    if resealed is not None:
                        await unit.totp.reseal(totp, resealed)
                        count += 1
            if not held:
                return count
            after = held[-1].user_id
