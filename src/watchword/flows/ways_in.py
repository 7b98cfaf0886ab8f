"""Nobody gives up the last way into their account."""

from watchword.domain.accounts import Account
from watchword.domain.factors import WaysIn
from watchword.ports import Providers, Unit


async def require_another_way_in(
    unit: Unit, account: Account, providers: Providers, *, beside: str
) -> None:
    """Beside the passkey or the identity with that id, which is removed in this transaction, beside
    which nobody removes another. An identity of a provider that is configured no more is no way in.
    Raise `LastCredential` (attacks W09, O13).
    """
    passkeys = await unit.passkeys.list_of(account.id)
    identities = await unit.identities.list_of(account.id)
    WaysIn(
        has_password=account.password_hash is not None,
        passkeys=sum(passkey.id != beside for passkey in passkeys),
        identities=sum(
            identity.id != beside and providers.speaks_for(identity.issuer)
            for identity in identities
        ),
    ).require_one()
