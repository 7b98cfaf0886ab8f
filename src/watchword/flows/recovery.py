"""A lost password, and the first one: by a link that was mailed to the account's address."""

from dataclasses import dataclass

from watchword.crypto.opaque import hash_of
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.errors import (
    FieldError,
    Invalid,
    LinkInvalid,
    PasswordRefused,
    WrongPassword,
)
from watchword.domain.events import MfaDisabled, PasskeyRemoved, PasswordReset, SessionsEnded
from watchword.domain.letters import Reason
from watchword.domain.links import Link, Purpose
from watchword.domain.passwords import words_of_person
from watchword.domain.sessions import EndReason
from watchword.flows.attempts import PasswordProof
from watchword.flows.identities import unlink_unproven
from watchword.flows.new_passwords import NewPasswords
from watchword.flows.outbox import Postman
from watchword.ports import Clock, Hasher, RequestTrace, Store, Unit

_PURPOSES = (Purpose.RESET_PASSWORD, Purpose.INVITATION)


@dataclass(frozen=True, slots=True)
class Recovery:
    store: Store
    postman: Postman
    proof: PasswordProof
    hasher: Hasher
    passwords: NewPasswords
    clock: Clock
    needs_verified: bool

    async def forgot(self, email: str, trace: RequestTrace) -> None:
        """The same work for every address: whether it has an account is found out by whoever
        writes the letter (attack E04). Raise `Invalid` for what is no address at all.
        """
        address = EmailAddress.parse(email)
        if not await self.postman.may_write_to(address):
            return
        async with self.store.transaction() as unit:
            await self.postman.write_to(unit, Reason.RESET_PASSWORD, address, trace)

    async def reset(self, token: str, new_password: str, trace: RequestTrace) -> None:
        """Set the password, verify the address, end every session and every other link of the
        user; factors stay (ASVS 6.4.3, attack P05), and so does what its owner has linked, save in
        `_remove_planted` and `unlink_unproven`. Raise `LinkInvalid`,
        or `PasswordRefused`, `Invalid` and `Busy`, after which the link is still good.
        """
        token_hash = hash_of(token.encode("utf-8", "replace"))
        link, account = await self._holder(token_hash)
        encoded = await self._encode(account, new_password)
        now = self.clock.now()
        async with self.store.transaction() as unit:
            consumed = await unit.links.consume(token_hash, link.purpose, now=now)
            account = await self._require_same(unit, consumed)
            await unit.ownership.set_password(account.id, encoded)
            await unit.ownership.verify_address(account.id, account.email)
            await self._remove_planted(unit, account, trace)
            await unlink_unproven(unit, account, trace, self.clock)
            await unit.links.discard(account.id)
            await unit.devices.distrust(account.id)
            await unit.outbox.recall(account.id)
            count = await unit.sessions.end_all(account.id, EndReason.PASSWORD_RESET, now=now)
            await unit.audit.append(
                PasswordReset(subject=account.id, actor=account.id), at=now, trace=trace
            )
            if count:
                ended = SessionsEnded(
                    subject=account.id,
                    actor=account.id,
                    reason=EndReason.PASSWORD_RESET,
                    count=count,
                )
                await unit.audit.append(ended, at=now, trace=trace)
            await self.postman.tell(unit, Reason.PASSWORD_RESET, account, trace)
        await self.proof.failures.forget(account)

    async def _remove_planted(self, unit: Unit, account: Account, trace: RequestTrace) -> None:
        """The address was never confirmed, so whoever added ways into this account had not shown
        that it is theirs, and this link has: they end (attack O08). A second factor lets nobody in,
        and ends only where addresses have to be confirmed, for else nobody's ever was (P05).
        """
        if account.email_verified:
            return
        for passkey in await unit.passkeys.list_of(account.id):
            await unit.passkeys.remove(account.id, passkey.id)
            removed = PasskeyRemoved(subject=account.id, actor=account.id, passkey=passkey.id)
            await unit.audit.append(removed, at=self.clock.now(), trace=trace)
            await self.postman.tell(
                unit, Reason.PASSKEY_REMOVED, account, trace, detail=passkey.name
            )
        if self.needs_verified and await unit.totp.remove(account.id):
            event = MfaDisabled(subject=account.id, actor=account.id, reason="address_verified")
            await unit.audit.append(event, at=self.clock.now(), trace=trace)
            await self.postman.tell(unit, Reason.MFA_DISABLED, account, trace)

    async def _holder(self, token_hash: bytes) -> tuple[Link, Account]:
        """Whose link it is: a guess costs no hashing."""
        async with self.store.transaction() as unit:
            for purpose in _PURPOSES:
                try:
                    link = await unit.links.require_live(token_hash, purpose, now=self.clock.now())
                except LinkInvalid:
                    continue
                return link, await self._require_same(unit, link)
        raise LinkInvalid

    async def _require_same(self, unit: Unit, link: Link | None) -> Account:
        """A link is void once its account is disabled or has another address (attacks A07, P06)."""
        if link is None or link.user_id is None:
            raise LinkInvalid
        account = await unit.accounts.find(link.user_id)
        if account is None or not account.is_active or account.email.key != link.address:
            raise LinkInvalid
        return account

    async def _encode(self, account: Account, password: str) -> str:
        words = words_of_person(account.email, account.name)
        try:
            accepted = await self.passwords.accept(password, own_words=words)
        except PasswordRefused as refused:
            raise refused.at("newPassword") from None
        if account.password_hash is not None:
            await self._require_another(accepted, account.password_hash)
        return await self.hasher.hash(accepted)

    async def _require_another(self, password: str, encoded: str) -> None:
        try:
            await self.hasher.verify(password, encoded)
        except WrongPassword:
            return
        raise Invalid(FieldError("newPassword", "Choose a password other than the present one."))
