"""Challenges of passkeys: each is good for one ceremony, whatever comes of that (attack W01)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from watchword.crypto import ceremonies
from watchword.crypto.opaque import hash_of
from watchword.crypto.passkeys import PasskeyRefused
from watchword.domain.links import Link, Purpose
from watchword.domain.sessions import Session
from watchword.ports import Clock, Randomness, Store

_CHALLENGE_BYTES: Final = 32  # twice what WebAuthn level 3 section 13.4.3 asks for


@dataclass(frozen=True, slots=True)
class Challenges:
    store: Store
    clock: Clock
    randomness: Randomness

    async def issue(self, purpose: Purpose, *, session: Session | None = None) -> bytes:
        """32 random bytes. One that is made for a ``session`` is of use in that one alone."""
        challenge = self.randomness.bytes(_CHALLENGE_BYTES)
        now = self.clock.now()
        link = Link(
            hash_of(challenge),
            purpose,
            None if session is None else session.user_id,
            now,
            now + purpose.lifetime,
            binding=_binding(session),
        )
        async with self.store.transaction() as unit:
            await unit.links.insert(link)
        return challenge

    async def use_up(
        self, told: Mapping[str, object], purpose: Purpose, *, session: Session | None = None
    ) -> bytes:
        """The challenge that a browser's answer names, which from now on is good for nothing.
        `PasskeyRefused` for one that is not live.
        """
        challenge = ceremonies.challenge_of(told)
        async with self.store.transaction() as unit:
            link = await unit.links.consume(
                hash_of(challenge), purpose, now=self.clock.now(), binding=_binding(session)
            )
        if link is None:
            raise PasskeyRefused("challenge")
        return challenge


def _binding(session: Session | None) -> bytes | None:
    return None if session is None else hash_of(session.id.encode())
