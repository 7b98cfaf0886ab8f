"""Nobody gives up the last way into their account."""

from watchword.domain.accounts import Account
from watchword.domain.factors import WaysIn
from watchword.ports import Unit


async def require_another_way_in(unit: Unit, account: Account) -> None:
    """Beside the one that is removed in this transaction, beside which nobody removes another.
    Raise `LastCredential` (attacks W09, O13).
    """
    WaysIn(
        has_password=account.password_hash is not None,
        passkeys=len(await unit.passkeys.list_of(account.id)),
        identities=len(await unit.identities.list_of(account.id)),
    ).require_another()
