"""From the text of an access token to its claims; a token is verified once.

Invariant: a token that is known costs no I/O, and none is known longer than the keys that were in
force when it was verified.
"""

from watchword.client.keys import KeySet, PublishedKeys
from watchword.client.machine import Time
from watchword.client.source import SourceFailed
from watchword.crypto.access_tokens import AccessClaims, AccessTokens, ExpiredToken
from watchword.crypto.jws import InvalidToken, UnknownKey
from watchword.domain.errors import TokenExpired, TokenInvalid, Unavailable
from watchword.domain.time import SECOND


class VerifiedTokens:
    """``capacity``: how many of them are known at a time."""

    def __init__(
        self, tokens: AccessTokens, keys: PublishedKeys, time: Time, *, capacity: int
    ) -> None:
        self._tokens = tokens
        self._keys = keys
        self._time = time
        self._capacity = capacity
        self._known: dict[str, AccessClaims] = {}
        self._epoch = keys.epoch

    def __len__(self) -> int:
        return len(self._known)

    def find(self, text: str) -> AccessClaims | None:
        """None for one that has to be verified. Raise `TokenExpired`."""
        self._forget_if_keys_changed()
        claims = self._known.get(text)
        if claims is not None and self._time.now() >= claims.exp * SECOND:
            del self._known[text]
            raise TokenExpired
        return claims

    def _forget_if_keys_changed(self) -> None:
        if self._epoch != self._keys.epoch:
            self._known.clear()
            self._epoch = self._keys.epoch

    async def verify(self, text: str) -> AccessClaims:
        """Raise `TokenInvalid`, `TokenExpired`, or `Unavailable` when there are no keys."""
        try:
            keys = self._keys.at_hand
            if keys is None:
                keys = await self._keys.get()
            try:
                return self._verify(text, keys)
            except UnknownKey:
                return self._verify(text, await self._keys.get_after(keys))
        except SourceFailed:
            raise Unavailable from None
        except ExpiredToken:
            raise TokenExpired from None
        except InvalidToken:
            raise TokenInvalid from None

    def _verify(self, text: str, keys: KeySet) -> AccessClaims:
        claims = self._tokens.verify(text, keys, self._time.now() // SECOND)
        self._forget_if_keys_changed()
        if keys is self._keys.at_hand:
            while len(self._known) >= self._capacity:
                del self._known[next(iter(self._known))]
            self._known[text] = claims
        return claims
