"""The keys that Watchword signs with, as it publishes them.

Invariant: whatever keys tokens name, Watchword is asked at most once per pause (attack J06).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from watchword.client.machine import Time
from watchword.client.source import SourceFailed
from watchword.crypto import strict_json
from watchword.crypto.keys import UnusableKey, VerifyingKey

MOST_KEYS: Final = 64
PAUSE: Final = 10.0  # seconds between two questions for an unknown key
_AFTER_FAILURE: Final = 1.0

KeySet = Mapping[str, VerifyingKey]


class PublishedKeys:
    """``fetch`` brings the text of the key set; it and the methods here raise `SourceFailed`.
    ``epoch`` tells those who keep what they verified that the keys have changed.
    """

    def __init__(self, fetch: Callable[[], Awaitable[bytes]], time: Time) -> None:
        self._fetch = fetch
        self._time = time
        self._keys: KeySet = {}
        self._is_current = False
        self._tried: float | None = None
        self._has_failed = False
        self._one_at_a_time = asyncio.Lock()
        self.epoch = 0

    @property
    def at_hand(self) -> KeySet | None:
        """None: ask for them first."""
        return self._keys if self._is_current else None

    def forget(self) -> None:
        """They may have changed."""
        self._is_current = False
        self.epoch += 1

    async def get(self) -> KeySet:
        """The keys as they are now; after a failure there is a moment's rest."""
        async with self._one_at_a_time:
            if self._is_current:
                return self._keys
            if self._has_failed and self._has_tried_within(_AFTER_FAILURE):
                raise SourceFailed("keys: failed just now")
            return await self._renew()

    async def get_after(self, seen: KeySet) -> KeySet:
        """Newer ones than ``seen``, where a key is missing, if it is time for that."""
        async with self._one_at_a_time:
            if self._keys is not seen or self._has_tried_within(PAUSE):
                return self._keys
            return await self._renew()

    async def refresh(self) -> None:
        """Whatever is known already."""
        async with self._one_at_a_time:
            await self._renew()

    async def _renew(self) -> KeySet:
        """What is forgotten meanwhile stays forgotten: the answer may be from before it."""
        asked_in, self._tried, self._has_failed = self.epoch, self._time.seconds(), True
        keys = read_key_set(await self._fetch())
        self._has_failed = False
        self._is_current = asked_in == self.epoch
        if keys.keys() != self._keys.keys():
            self.epoch += 1
        self._keys = keys
        return keys

    def _has_tried_within(self, seconds: float) -> bool:
        return self._tried is not None and self._time.seconds() - self._tried < seconds


def read_key_set(text: bytes) -> KeySet:
    """The keys in it that can be used; raise `SourceFailed` for what is no key set."""
    try:
        listed = strict_json.decode(text).get("keys")
    except ValueError:
        raise SourceFailed("keys: not JSON") from None
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise SourceFailed("keys: not a key set")
    keys: dict[str, VerifyingKey] = {}
    for jwk in listed:
        try:
            key = VerifyingKey.from_jwk(jwk if isinstance(jwk, dict) else {})
        except UnusableKey:
            continue
        if key.kid in keys:
            raise SourceFailed("keys: one name for two")
        keys[key.kid] = key
    return keys
