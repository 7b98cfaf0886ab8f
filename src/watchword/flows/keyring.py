"""The signing keys in force: one signs, the next is published ahead of its use, the last verify.

Keys lie in the store sealed with the master secret; a picture of them is kept and thrown away
when the store says that they have changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from watchword.crypto.identifiers import RANDOM_BYTES, make_id
from watchword.crypto.keys import Algorithm, SigningKey, VerifyingKey
from watchword.crypto.sealing import SealBroken, Sealer
from watchword.domain.errors import Unavailable
from watchword.domain.events import KeysRotated
from watchword.domain.time import Instant, Span
from watchword.ports import Clock, Randomness, RequestTrace, Store, StoredKey


class KeysSealedByAnotherSecret(Unavailable):
    """The signing keys do not open: the secret is not the one that they were sealed with."""

    def __str__(self) -> str:
        return (
            "The signing keys in the database were sealed with another secret. Give the former"
            " one as well: WATCHWORD_SECRET=new,former."
        )


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """``overlap`` is how long a replaced key still verifies: the longest life of a token."""

    algorithm: Algorithm
    lifetime: Span
    overlap: Span


@dataclass(frozen=True, slots=True)
class Keys:
    """A picture of the keys: ``signing`` signs; every one of ``verifying`` is accepted."""

    signing: SigningKey
    verifying: Mapping[str, VerifyingKey]
    published: Sequence[Mapping[str, str]]
    stored: Sequence[StoredKey]


class KeyRing:
    """Reads the keys when they have changed, and only then."""

    def __init__(
        self,
        store: Store,
        sealer: Sealer,
        policy: KeyPolicy,
        *,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._sealer = sealer
        self._policy = policy
        self._clock = clock
        self._randomness = randomness
        self._keys: Keys | None = None
        self.epoch = 0

    def forget(self) -> None:
        """The keys may have changed; ``epoch`` tells those who keep what they verified."""
        self._keys = None
        self.epoch += 1

    async def keys(self) -> Keys:
        """The keys in force. Raise `Unavailable` when they cannot be read."""
        if self._keys is None:
            self._keys = self._open(await self._store.reading.keys.list_keys())
        return self._keys

    def _open(self, stored: Sequence[StoredKey]) -> Keys:
        now = self._clock.now()
        usable = [key for key in stored if key.retires_at is None or now < key.retires_at]
        opened = {key.kid: self._unseal(key) for key in usable}
        active = [key for key in usable if key.activated_at is not None and key.retires_at is None]
        if not active:
            raise Unavailable("There is no signing key.")
        newest = max(active, key=lambda key: (key.activated_at or 0, key.kid))
        jwks = [key.public_jwk() for key in opened.values()]
        return Keys(
            signing=opened[newest.kid],
            verifying={kid: key.verifying_key for kid, key in opened.items()},
            published=[jwk for jwk in jwks if jwk is not None],
            stored=usable,
        )

    def _unseal(self, key: StoredKey) -> SigningKey:
        try:
            return SigningKey.from_bytes(self._sealer.open(key.sealed, _place(key.kid)))
        except SealBroken:
            raise KeysSealedByAnotherSecret from None

    def _make(self, *, activated_at: Instant | None) -> StoredKey:
        now = self._clock.now()
        kid = make_id(now, self._randomness.bytes(RANDOM_BYTES))
        key = SigningKey.generate(self._policy.algorithm, kid)
        sealed = self._sealer.seal(key.to_bytes(), _place(kid))
        return StoredKey(kid, key.algorithm.value, sealed, now, activated_at, None)

    async def prepare(self) -> None:
        """See to it that a key of the configured algorithm signs and that the next one is known."""
        stored = await self._store.reading.keys.list_keys()
        await self._reseal(stored)
        fitting = [key for key in stored if key.algorithm == self._policy.algorithm.value]
        if not any(key.activated_at is not None and key.retires_at is None for key in fitting):
            await self._replace(_next_of(fitting))
        elif _next_of(fitting) is None:
            await self._insert(self._make(activated_at=None))
        self.forget()
        await self.keys()

    async def _reseal(self, stored: Sequence[StoredKey]) -> None:
        """Under the first secret, so that the ones behind it can be given up."""
        for key in stored:
            if not self._sealer.is_current(key.sealed, _place(key.kid)):
                plain = self._unseal(key).to_bytes()
                async with self._store.transaction() as unit:
                    await unit.keys.reseal(key.kid, self._sealer.seal(plain, _place(key.kid)))

    async def rotate(self, trace: RequestTrace) -> str:
        """Let the key that was published ahead sign from now on; its id. The former key verifies
        until the last token it signed has ended (ASVS 11.2.2).
        """
        stored = await self._store.reading.keys.list_keys()
        fitting = [key for key in stored if key.algorithm == self._policy.algorithm.value]
        return await self._replace(_next_of(fitting), trace)

    async def rotate_if_due(self) -> bool:
        signing = (await self.keys()).signing.kid
        activated = next(
            key.activated_at for key in (await self.keys()).stored if key.kid == signing
        )
        if self._clock.now() - (activated or 0) < self._policy.lifetime:
            return False
        await self.rotate(RequestTrace())
        return True

    async def _replace(self, following: StoredKey | None, trace: RequestTrace | None = None) -> str:
        now = self._clock.now()
        fresh = following or self._make(activated_at=None)
        spare = self._make(activated_at=None)
        async with self._store.transaction() as unit:
            if following is None:
                await unit.keys.insert(fresh)
            await unit.keys.activate(fresh.kid, now=now, overlap=self._policy.overlap)
            await unit.keys.insert(spare)
            await unit.audit.append(
                KeysRotated(subject=None, kid=fresh.kid), at=now, trace=trace or RequestTrace()
            )
        self.forget()
        return fresh.kid

    async def _insert(self, key: StoredKey) -> None:
        async with self._store.transaction() as unit:
            await unit.keys.insert(key)


def _next_of(keys: Sequence[StoredKey]) -> StoredKey | None:
    waiting = [key for key in keys if key.activated_at is None]
    return min(waiting, key=lambda key: (key.created_at, key.kid), default=None)


def _place(kid: str) -> bytes:
    return f"signing_keys/sealed/{kid}".encode()
