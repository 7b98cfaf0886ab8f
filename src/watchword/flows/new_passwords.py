"""Whether a password may become somebody's: the rules first, then what is known from breaches.

Invariant: this is the only flow that knows the rules, so there is no door around the breaches.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from watchword.domain.errors import PasswordBlocked
from watchword.domain.passwords import PasswordPolicy
from watchword.ports import Breaches


@dataclass(frozen=True, slots=True)
class NewPasswords:
    rules: PasswordPolicy
    breaches: Breaches

    async def accept(self, password: str, *, own_words: Iterable[str]) -> str:
        """The password as it is to be hashed, or a `PasswordRefused` that says what is wrong
        (ASVS 6.2.12). May take seconds: never call it inside a transaction, nor after something
        was found out about an account that the asker has not proven to be theirs.
        """
        accepted = self.rules.accept(password, own_words=own_words)
        if await self.breaches.contains(accepted):
            raise PasswordBlocked(
                "This password is known from a data breach, and attackers try those first. "
                "Choose another, and change it wherever else you use it."
            )
        return accepted

    def require_valid(self, password: str, *, own_words: Iterable[str]) -> None:
        """As `accept`, by the rules alone: for the faults of a form, before anybody is asked."""
        self.rules.accept(password, own_words=own_words)
