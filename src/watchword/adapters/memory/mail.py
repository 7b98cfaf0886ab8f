"""Letters that wait, and what redeemed links change, on dicts."""

from collections.abc import Sequence
from dataclasses import replace

from watchword.adapters.memory.tables import Place
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.errors import Conflict
from watchword.domain.letters import WITH_LINK, Letter
from watchword.domain.time import Instant, Span
from watchword.ports import Topic


class MemoryOutbox:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def put(self, letter: Letter, *, due: Instant) -> None:
        self._place.tables.letters[letter.id] = (due, letter)

    async def claim(self, *, now: Instant, lease: Span, at_most: int) -> Sequence[Letter]:
        letters = self._place.tables.letters
        due = sorted((at, id_) for id_, (at, _) in letters.items() if at <= now)[:at_most]
        claimed = []
        for _, letter_id in due:
            letter = letters[letter_id][1]
            claimed.append(replace(letter, attempts=letter.attempts + 1))
            letters[letter_id] = (now + lease, claimed[-1])
        return sorted(claimed, key=lambda letter: (letter.created_at, letter.id))

    async def hold(self, letter: Letter, *, until: Instant) -> bool:
        letters = self._place.tables.letters
        _, held = letters.get(letter.id, (0, None))
        if held is None or held.attempts != letter.attempts:
            return False
        letters[letter.id] = (until, held)
        return True

    async def postpone(self, letter_id: str, *, due: Instant) -> None:
        letters = self._place.tables.letters
        if letter_id in letters:
            letters[letter_id] = (due, letters[letter_id][1])

    async def remove(self, letter_id: str) -> None:
        self._place.tables.letters.pop(letter_id, None)

    async def recall(self, user_id: str) -> None:
        letters = self._place.tables.letters
        for letter_id, (_, letter) in list(letters.items()):
            if letter.user_id == user_id and letter.reason in WITH_LINK:
                del letters[letter_id]


class MemoryOutboxReader:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def count(self, *, due: Instant | None = None) -> int:
        return sum(due is None or at <= due for at, _ in self._place.tables.letters.values())


class MemoryOwnership:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def verify_address(self, account_id: str, address: EmailAddress) -> bool:
        account = self._held(account_id, address)
        if account is not None:
            self._store(replace(account, email_verified=True))
        return account is not None

    async def change_address(
        self, account_id: str, address: EmailAddress, *, instead_of: EmailAddress
    ) -> bool:
        account = self._held(account_id, instead_of)
        if account is None:
            return False
        others = (a for a in self._place.tables.accounts.values() if a.id != account_id)
        if any(other.email.key == address.key for other in others):
            raise Conflict("An account with this e-mail address exists already.")
        self._store(replace(account, email=address, email_verified=True))
        return True

    async def set_password(self, account_id: str, encoded: str | None) -> None:
        account = self._place.tables.accounts.get(account_id)
        if account is not None:
            self._store(replace(account, password_hash=encoded))

    def _held(self, account_id: str, address: EmailAddress) -> Account | None:
        account = self._place.tables.accounts.get(account_id)
        return account if account and account.email.key == address.key else None

    def _store(self, account: Account) -> None:
        self._place.tables.accounts[account.id] = account
        self._place.tables.note(Topic.USER, account.id)
