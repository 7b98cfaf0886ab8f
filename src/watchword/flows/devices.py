"""Which devices an account knows: by a signed cookie, or by what they say and where they are."""

from dataclasses import dataclass

from watchword.crypto.jws import InvalidToken
from watchword.crypto.opaque import SignedTexts, hash_of, to_text
from watchword.domain.accounts import Account
from watchword.domain.devices import Origin, limit_bucket
from watchword.domain.time import DAY, Instant, Span
from watchword.ports import Randomness, Store, Unit

DEVICE_BYTES = 32
_OLD: Span = DAY  # what was seen since then need not be written down again


@dataclass(frozen=True, slots=True)
class Greeting:
    """``is_known``: this device has signed in to the account before; ``is_first``: none has.
    ``cookie`` is what makes the device known and ``device_hash`` what is kept of it, None for a
    client that keeps no cookies.
    """

    is_known: bool
    is_first: bool
    cookie: str | None
    device_hash: bytes | None


@dataclass(frozen=True, slots=True)
class KnownDevices:
    store: Store
    cookies: SignedTexts
    randomness: Randomness

    def hash_of(self, cookie: str | None) -> bytes | None:
        """None for no device cookie, and for one that is not ours."""
        if cookie is None:
            return None
        try:
            return hash_of(self.cookies.read(cookie).encode())
        except InvalidToken:
            return None

    async def proven(self, account: Account | None, cookie: str | None) -> bytes | None:
        """The hash of a cookie with which somebody has signed in to ``account`` before. Without an
        account it is the same work (attack E02).
        """
        device_hash = self.hash_of(cookie)
        if device_hash is None:
            return None
        user_id = "" if account is None else account.id
        known = await self.store.reading.devices.is_known(user_id, device_hash)
        return device_hash if known else None

    async def greet(
        self,
        unit: Unit,
        account: Account,
        cookie: str | None,
        origin: Origin,
        *,
        keeps_cookies: bool,
        now: Instant,
    ) -> Greeting:
        """Remember the device for the next time. Its likeness, the user agent in its network, is
        enough to spare its owner a notice and for nothing else: only the cookie has an allowance of
        its own (attack B06).
        """
        likeness = hash_of(f"{limit_bucket(origin.ip)} {origin.user_agent}".encode())
        hashes, held = [likeness], None
        if keeps_cookies:
            held = self.hash_of(cookie)
            if held is None:
                secret = to_text(self.randomness.bytes(DEVICE_BYTES))
                cookie, held = self.cookies.sign(secret), hash_of(secret.encode())
            hashes.append(held)
        seen = [await unit.devices.last_seen(account.id, each) for each in hashes]
        is_known = any(at is not None for at in seen)
        is_first = not is_known and not await unit.devices.has_any(account.id)
        for device_hash, at in zip(hashes, seen, strict=True):
            if at is None or now - at >= _OLD:
                await unit.devices.remember(account.id, device_hash, now=now)
        return Greeting(is_known, is_first, cookie if keeps_cookies else None, held)
