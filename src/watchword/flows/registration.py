"""New accounts: by registering, by the operator's settings, by the one-time set-up link."""

from dataclasses import dataclass, replace

from watchword.crypto.identifiers import RANDOM_BYTES, make_id
from watchword.crypto.opaque import hash_of, to_text
from watchword.domain.accounts import Account, EmailAddress, Status, parse_name
from watchword.domain.errors import Conflict, Invalid, LinkInvalid, require_all
from watchword.domain.events import Event, Registered, RegistrationRepeated, SetupLinkMade
from watchword.domain.letters import Reason
from watchword.domain.links import Link, Purpose
from watchword.domain.passwords import words_of_person
from watchword.domain.risk import NOTHING
from watchword.domain.roles import ADMIN, USER
from watchword.flows.grants import Grant
from watchword.flows.new_passwords import NewPasswords
from watchword.flows.outbox import Postman
from watchword.flows.sign_in import Arrival, SessionOpener
from watchword.ports import Clock, Hasher, Randomness, RequestTrace, Store

LINK_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class Applicant:
    """Somebody who asks for an account, with a password that may be hashed."""

    address: EmailAddress
    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Registration:
    store: Store
    hasher: Hasher
    passwords: NewPasswords
    postman: Postman
    clock: Clock
    randomness: Randomness

    async def register(
        self, email: str, password: str, trace: RequestTrace, *, name: str = ""
    ) -> Account:
        """Raise `Invalid` naming the field, `Conflict` for a taken address, `Busy`."""
        applicant = await self.accept(email, password, name=name)
        await self._require_free(applicant.address)
        encoded = await self.hasher.hash(applicant.password)
        account = self.new_account(applicant.address, applicant.name, USER, encoded)
        await self._insert(account, trace)
        return account

    async def register_unseen(
        self, email: str, password: str, trace: RequestTrace, *, name: str = ""
    ) -> None:
        """The same answer and the same work for an address that is known as for a new one; its
        owner reads in a mail which it was (attack E03). Raise `Invalid` naming the field, `Busy`.
        """
        applicant = await self.accept(email, password, name=name)
        encoded = await self.hasher.hash(applicant.password)
        account = self.new_account(applicant.address, applicant.name, USER, encoded)
        may_write = await self.postman.may_write_to(applicant.address)
        async with self.store.transaction() as unit:
            event: Event = Registered(subject=account.id, actor=account.id)
            reason = Reason.VERIFY_EMAIL
            try:
                await unit.accounts.insert(account)
            except Conflict:
                event, reason = RegistrationRepeated(subject=None), Reason.ALREADY_REGISTERED
            await unit.audit.append(event, at=account.created_at, trace=trace)
            if may_write:
                await self.postman.write_to(unit, reason, account.email, trace)

    async def make_admin(self, email: str, password: str, trace: RequestTrace) -> Account:
        """An administrator, by the operator's word, which vouches for the address as well. Raise
        as `register` does.
        """
        applicant = await self.accept(email, password)
        await self._require_free(applicant.address)
        encoded = await self.hasher.hash(applicant.password)
        account = self.new_admin(applicant, encoded)
        await self._insert(account, trace)
        return account

    async def _require_free(self, address: EmailAddress) -> None:
        if await self.store.reading.accounts.find_by_address(address) is not None:
            raise Conflict("An account with this e-mail address exists already.")

    async def _insert(self, account: Account, trace: RequestTrace) -> None:
        async with self.store.transaction() as unit:
            await unit.accounts.insert(account)
            event = Registered(subject=account.id, actor=account.id)
            await unit.audit.append(event, at=account.created_at, trace=trace)

    async def accept(self, email: str, password: str, *, name: str = "") -> Applicant:
        """Raise as `require_valid`, and `PasswordBlocked` for a password from a breach."""
        try:
            address, shown = EmailAddress.parse(email), parse_name(name)
            own_words = words_of_person(address, shown)
            accepted = await self.passwords.accept(password, own_words=own_words)
        except Invalid:
            self.require_valid(email, password, name=name)  # which names every field
            raise
        return Applicant(address, shown, accepted)

    def require_valid(self, email: str, password: str, *, name: str = "") -> None:
        """Raise `Invalid` that names every field at fault, before anybody is asked."""
        try:
            address, shown = EmailAddress.parse(email), parse_name(name)
            own_words = words_of_person(address, shown)
            self.passwords.require_valid(password, own_words=own_words)
        except Invalid:
            require_all(
                lambda: EmailAddress.parse(email),
                lambda: parse_name(name),
                lambda: self.passwords.require_valid(password, own_words=()),
            )
            raise

    def new_admin(self, applicant: Applicant, password_hash: str) -> Account:
        account = self.new_account(applicant.address, applicant.name, ADMIN, password_hash)
        return replace(account, email_verified=True)

    def new_account(
        self, address: EmailAddress, name: str, role: str, password_hash: str | None
    ) -> Account:
        now = self.clock.now()
        return Account(
            id=make_id(now, self.randomness.bytes(RANDOM_BYTES)),
            email=address,
            name=name,
            role=role,
            status=Status.ACTIVE,
            email_verified=False,
            mfa_enabled=False,
            password_hash=password_hash,
            created_at=now,
        )


@dataclass(frozen=True, slots=True)
class Setup:
    """The first administrator by a link that the operator reads off the console."""

    store: Store
    registration: Registration
    opener: SessionOpener
    clock: Clock
    randomness: Randomness

    async def make_link(self, trace: RequestTrace) -> str:
        """A token good for an hour, for one use, and only while there is no administrator. It
        replaces the one made before.
        """
        token = to_text(self.randomness.bytes(LINK_BYTES))
        now = self.clock.now()
        link = Link(hash_of(token.encode()), Purpose.SETUP, None, now, now + Purpose.SETUP.lifetime)
        async with self.store.transaction() as unit:
            await unit.links.insert(link)
            await unit.audit.append(SetupLinkMade(subject=None), at=now, trace=trace)
        return token

    async def needs_admin(self) -> bool:
        return not await self.store.reading.administrators.has_any()

    async def complete(self, token: str, email: str, password: str, arrival: Arrival) -> Grant:
        """Raise `LinkInvalid`, or what `Registration.register` raises: then the link is still
        good. Of many at once, one makes the administrator.
        """
        if not await self.needs_admin():
            raise LinkInvalid
        registration = self.registration
        registration.require_valid(email, password)
        token_hash = hash_of(token.encode("utf-8", "replace"))
        async with self.store.transaction() as unit:  # a guess costs no hashing, and asks nobody
            await unit.links.require_live(token_hash, Purpose.SETUP, now=self.clock.now())
        applicant = await registration.accept(email, password)
        encoded = await registration.hasher.hash(applicant.password)
        account = registration.new_admin(applicant, encoded)
        async with self.store.transaction() as unit:
            now = self.clock.now()
            if await unit.administrators.has_any():
                raise LinkInvalid
            if await unit.links.consume(token_hash, Purpose.SETUP, now=now) is None:
                raise LinkInvalid
            await unit.accounts.insert(account)
            event = Registered(subject=account.id, actor=account.id)
            await unit.audit.append(event, at=now, trace=arrival.trace)
            return await self.opener.open(
                unit, account, arrival, amr=("pwd",), proven=encoded, judged=NOTHING
            )
