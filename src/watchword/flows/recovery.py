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
from watchword.domain.events import PasswordReset
from watchword.domain.letters import Reason
from watchword.domain.links import Link, Purpose
from watchword.domain.passwords import words_of_person
from watchword.domain.sessions import EndReason
from watchword.flows.attempts import PasswordProof
from watchword.flows.new_passwords import NewPasswords
from watchword.flows.outbox import Postman
from watchword.flows.unproven import Unproven
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
    unproven: Unproven

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
        `Unproven.end_planted`. Raise `LinkInvalid`, or `PasswordRefused`, `Invalid` and `Busy`,
        after which the link is still good.
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
            await self.unproven.end_planted(unit, account, trace)
            await unit.audit.append(
                PasswordReset(subject=account.id, actor=account.id), at=now, trace=trace
            )
            await self.unproven.end_access(unit, account, trace, EndReason.PASSWORD_RESET)
            await self.postman.tell(unit, Reason.PASSWORD_RESET, account, trace)
        await self.proof.failures.forget(account)

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
