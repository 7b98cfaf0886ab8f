"""What becomes of a letter: whether there is anybody to write to, the link that it carries, and the
mail itself, sent until it is taken.

The secret of a link is made here, when the letter is written, and lives in the mail alone. A letter
that has to be written again carries a new link, and the one before it is dead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from watchword.crypto.opaque import hash_of, to_text
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.events import LinkSent, MailFailed
from watchword.domain.letters import Letter, MailDelayed, MailRefused, Reason
from watchword.domain.links import Link, Purpose
from watchword.domain.places import Place
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND, Span
from watchword.ports import (
    Clock,
    Composer,
    Mail,
    Mailer,
    Places,
    Randomness,
    RequestTrace,
    Store,
    Unit,
    UserAgents,
)

LEASE: Span = 5 * MINUTE
GIVEN_UP_AFTER: Span = DAY
_LINK_BYTES: Final = 32
_WAITS: Final[tuple[Span, ...]] = (
    10 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR,
)  # fmt: skip
_PURPOSES: Final[Mapping[Reason, Purpose]] = {
    Reason.VERIFY_EMAIL: Purpose.VERIFY_EMAIL,
    Reason.RESET_PASSWORD: Purpose.RESET_PASSWORD,
    Reason.MAGIC_LINK: Purpose.MAGIC_LINK,
    Reason.INVITATION: Purpose.INVITATION,
    Reason.CONFIRM_NEW_EMAIL: Purpose.CONFIRM_NEW_EMAIL,
}
_NAMING: Final = frozenset({Reason.PASSKEY_ADDED, Reason.PASSKEY_REMOVED, Reason.PASSKEY_SUSPECTED})
_PAGES: Final[Mapping[Purpose, str]] = {
    Purpose.VERIFY_EMAIL: "/verify-email",
    Purpose.CONFIRM_NEW_EMAIL: "/verify-email",
    Purpose.RESET_PASSWORD: "/reset-password",
    Purpose.INVITATION: "/reset-password",
    Purpose.MAGIC_LINK: "/magic-link",
}


class MailLog(Protocol):
    """Told of each letter without its content."""

    def sent(self, letter: Letter) -> None: ...

    def delayed(self, letter: Letter, reason: str) -> None: ...

    def given_up(self, letter: Letter, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Correspondence:
    """``public_url`` begins every link: no header of a request has a say in it (attack P03)."""

    store: Store
    composer: Composer
    mailer: Mailer
    user_agents: UserAgents
    places: Places
    clock: Clock
    randomness: Randomness
    log: MailLog
    service: str
    public_url: str

    async def send_due(self, *, at_most: int) -> int:
        """Claim what is due and see to each; how many there were."""
        now = self.clock.now()
        if not await self.store.reading.outbox.count(due=now):
            return 0
        async with self.store.transaction() as unit:
            letters = await unit.outbox.claim(now=now, lease=LEASE, at_most=at_most)
        for letter in letters:
            await self._see_to(letter)
        return len(letters)

    async def _see_to(self, letter: Letter) -> None:
        try:
            mail = await self._write(letter)
            if mail is not None:
                await self.mailer.send(mail)
        except MailRefused as refused:
            await self._give_up(letter, str(refused))
        except Exception as error:  # noqa: BLE001  whatever it was, the others go out
            is_told = isinstance(error, MailDelayed)
            await self._delay(letter, str(error) if is_told else type(error).__name__)
        else:
            if mail is not None:
                self.log.sent(letter)
                async with self.store.transaction() as unit:
                    await unit.outbox.remove(letter.id)

    async def _delay(self, letter: Letter, reason: str) -> None:
        now = self.clock.now()
        if now - letter.created_at >= GIVEN_UP_AFTER:
            await self._give_up(letter, reason)
            return
        self.log.delayed(letter, reason)
        wait = _WAITS[min(letter.attempts, len(_WAITS)) - 1]
        async with self.store.transaction() as unit:
            await unit.outbox.postpone(letter.id, due=now + wait)

    async def _give_up(self, letter: Letter, reason: str) -> None:
        self.log.given_up(letter, reason)
        event = MailFailed(
            subject=letter.user_id, reason=letter.reason.value, attempts=letter.attempts
        )
        async with self.store.transaction() as unit:
            await unit.audit.append(event, at=self.clock.now(), trace=_trace_of(letter))
            await unit.outbox.remove(letter.id)

    async def _write(self, letter: Letter) -> Mail | None:
        """None when there is nobody to write to: an address without an account, or an account that
        needs no such mail any more; and when the letter is not ours any more. Others may have taken
        minutes before its turn came: meanwhile it may have been recalled (attack P08), or claimed
        by another sender.
        """
        async with self.store.transaction() as unit:
            if not await unit.outbox.hold(letter, until=self.clock.now() + LEASE):
                return None
            reason, account = await self._addressee(unit, letter)
            if account is None or not _is_wanted(reason, account):
                await unit.outbox.remove(letter.id)
                return None
            carried = await self._carried(unit, letter, reason, account)
        facts = self._facts(letter, account) | carried
        content = self.composer.compose(
            reason, facts, at=letter.created_at, language=letter.language
        )
        return Mail(letter.id, _destination(letter, account), content)

    async def _addressee(self, unit: Unit, letter: Letter) -> tuple[Reason, Account | None]:
        address = EmailAddress.parse(letter.address)
        if letter.user_id is None:
            return letter.reason, await unit.accounts.find_by_address(address)
        if letter.reason is Reason.CONFIRM_NEW_EMAIL:
            taken = await unit.accounts.find_by_address(address)
            if taken is not None:  # its owner hears of it, and whoever asked does not (E07)
                return Reason.ALREADY_REGISTERED, taken
        return letter.reason, await unit.accounts.find(letter.user_id)

    async def _carried(
        self, unit: Unit, letter: Letter, reason: Reason, account: Account
    ) -> dict[str, str]:
        purpose = _PURPOSES.get(reason)
        if purpose is not None:
            return await self._make_link(unit, letter, account, purpose)
        if reason is Reason.ALREADY_REGISTERED:
            return {"link": self.public_url}  # to sign in, and good for nothing else
        return {}

    async def _make_link(
        self, unit: Unit, letter: Letter, account: Account, purpose: Purpose
    ) -> dict[str, str]:
        token = to_text(self.randomness.bytes(_LINK_BYTES))
        now = self.clock.now()
        link = Link(
            hash_of(token.encode()),
            purpose,
            account.id,
            now,
            now + purpose.lifetime,
            address=account.email.key,
            binding=bytes.fromhex(letter.detail) if purpose is Purpose.MAGIC_LINK else None,
            detail=letter.address if purpose is Purpose.CONFIRM_NEW_EMAIL else "",
        )
        await unit.links.insert(link)
        event = LinkSent(subject=account.id, purpose=purpose.value)
        await unit.audit.append(event, at=now, trace=_trace_of(letter))
        return {
            "link": f"{self.public_url}{_PAGES[purpose]}#token={token}",
            "valid_for": _span_text(purpose.lifetime),
        }

    def _facts(self, letter: Letter, account: Account) -> dict[str, str]:
        """Whoever made an account in the name of an address that is not theirs would choose what is
        written to it, by a name (attack I07): these are repeated to a confirmed address alone.
        """
        device = self.user_agents.parse(letter.user_agent).in_mail
        return {
            "service": self.service,
            "name": account.name if account.email_verified else "",
            "address": account.email.text,
            "browser": device.browser or "",
            "system": device.os or "",
            "ip": letter.ip,
            "place": _place_text(self.places.find(letter.ip)),
            "detail": letter.detail if _is_shown(letter.reason, account) else "",
            "account_url": self.public_url,
        }


def _is_wanted(reason: Reason, account: Account) -> bool:
    """Whether the account is still one to which such a mail should go."""
    if reason is Reason.VERIFY_EMAIL:
        return account.is_active and not account.email_verified
    if reason is Reason.INVITATION:
        return account.is_active and account.password_hash is None
    return account.is_active or reason not in _PURPOSES


def _is_shown(reason: Reason, account: Account) -> bool:
    """Of a passkey the detail is its name, of a sign-in link a hash."""
    return reason is not Reason.MAGIC_LINK and (account.email_verified or reason not in _NAMING)


def _destination(letter: Letter, account: Account) -> str:
    """As the account has it and not as somebody typed it (attack P10); a letter to another address
    of the account, a former or a future one, goes there.
    """
    is_its_own = EmailAddress.parse(letter.address).key == account.email.key
    return account.email.text if is_its_own else letter.address


def _trace_of(letter: Letter) -> RequestTrace:
    return RequestTrace(ip=letter.ip, user_agent=letter.user_agent)


def _place_text(place: Place | None) -> str:
    return "" if place is None else place.in_mail


def _span_text(span: Span) -> str:
    """In English, which is the key of what it is in another language."""
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if span >= unit:
            count = span // unit
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return f"{span // SECOND} seconds"
