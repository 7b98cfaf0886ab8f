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
from watchword.domain.time import SECOND, Instant, Span
from watchword.ports import Clock, Randomness, RequestTrace, Store, StoredKey, Unit

_COOL_DOWN: Span = SECOND


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
    """A picture of the keys: ``signing`` signs; every one of ``verifying`` is accepted. It is true
    until ``good_until``, when one of them retires; None: until somebody changes them.
    """

    signing: SigningKey
    verifying: Mapping[str, VerifyingKey]
    published: Sequence[Mapping[str, str]]
    stored: Sequence[StoredKey]
    good_until: Instant | None


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
        self._read_at: Instant = 0
        self.epoch = 0

    def forget(self) -> None:
        """The keys may have changed; ``epoch`` tells those who keep what they verified."""
        self._keys = None
        self.epoch += 1

    def forget_if_retired(self, now: Instant) -> None:
        """Nobody announces the moment from which a replaced key verifies no more (attack J05)."""
        keys = self._keys
        if keys is not None and keys.good_until is not None and now >= keys.good_until:
            self.forget()

    @property
    def at_hand(self) -> Keys | None:
        """The keys as they were known last, without asking whether that is still so."""
        return self._keys

    async def keys(self) -> Keys:
        """The keys in force. Raise `Unavailable` when they cannot be read."""
        self.forget_if_retired(self._clock.now())
        if self._keys is not None:
            return self._keys
        epoch = self.epoch
        self._read_at = self._clock.now()
        keys = self._open(await self._store.reading.keys.list_keys())
        if epoch == self.epoch:
            self._keys = keys
        return keys

    async def keys_anew(self) -> Keys:
        """The keys in force, for whoever met one that is not among those at hand: another node may
        sign with it before the news of it is here. Keys that nobody made, however many are named,
        let the store be asked once in a while (attack J06). Raise `Unavailable`.
        """
        if abs(self._clock.now() - self._read_at) >= _COOL_DOWN:
            self._keys = None
        return await self.keys()

    def _open(self, stored: Sequence[StoredKey]) -> Keys:
        now = self._clock.now()
        usable = [key for key in stored if key.retires_at is None or now < key.retires_at]
        opened = {key.kid: self._unseal(key) for key in usable}
        signing = _signing_of(usable)
        if signing is None:
            raise Unavailable("There is no signing key.")
        jwks = [key.public_jwk() for key in opened.values()]
        return Keys(
            signing=opened[signing.kid],
            verifying={kid: key.verifying_key for kid, key in opened.items()},
            published=[jwk for jwk in jwks if jwk is not None],
            stored=usable,
            good_until=min((key.retires_at for key in usable if key.retires_at), default=None),
        )

    def _unseal(self, key: StoredKey) -> SigningKey:
        try:
            return SigningKey.from_bytes(self._sealer.open(key.sealed, place_of(key.kid)))
        except SealBroken:
            raise KeysSealedByAnotherSecret from None

    def _make(self) -> StoredKey:
        now = self._clock.now()
        kid = make_id(now, self._randomness.bytes(RANDOM_BYTES))
        key = SigningKey.generate(self._policy.algorithm, kid)
        sealed = self._sealer.seal(key.to_bytes(), place_of(kid))
        return StoredKey(kid, key.algorithm.value, sealed, now, None, None)

    async def prepare(self) -> None:
        """See to it that a key of the configured algorithm signs and that the next one is known.
        Of several processes that start at once, one makes them.
        """
        await self._reseal(await self._store.reading.keys.list_keys())
        async with self._store.transaction() as unit:
            stored = await unit.keys.list_keys()
            fitting = self._fitting(stored)
            if _signing_of(fitting) is None:
                await self._replace(unit, stored, RequestTrace())
            elif _next_of(fitting) is None:
                await unit.keys.insert(self._make())
        self.forget()
        await self.keys()

    async def _reseal(self, stored: Sequence[StoredKey]) -> None:
        """Under the first secret, so that the ones behind it can be given up."""
        for key in stored:
            if not self._sealer.is_current(key.sealed, place_of(key.kid)):
                plain = self._unseal(key).to_bytes()
                async with self._store.transaction() as unit:
                    await unit.keys.reseal(key.kid, self._sealer.seal(plain, place_of(key.kid)))

    async def rotate(self, trace: RequestTrace, *, actor: str | None = None) -> str:
        """Let the key that was published ahead sign from now on; its id. The former key verifies
        until the last token it signed has ended (ASVS 11.2.2). ``actor``: the id of who asks.
        """
        async with self._store.transaction() as unit:
            kid = await self._replace(unit, await unit.keys.list_keys(), trace, actor)
        self.forget()
        return kid

    async def rotate_if_due(self) -> bool:
        """Of several processes that find it due at once, one rotates: a key that has just been
        published is not in everybody's copy yet.
        """
        if not self._is_due(await self._store.reading.keys.list_keys()):
            return False
        async with self._store.transaction() as unit:
            stored = await unit.keys.list_keys()
            is_due = self._is_due(stored)
            if is_due:
                await self._replace(unit, stored, RequestTrace())
        self.forget()
        return is_due

    def _is_due(self, stored: Sequence[StoredKey]) -> bool:
        signing = _signing_of(stored)
        since = 0 if signing is None else signing.activated_at or 0
        return self._clock.now() - since >= self._policy.lifetime

    def _fitting(self, stored: Sequence[StoredKey]) -> Sequence[StoredKey]:
        return [key for key in stored if key.algorithm == self._policy.algorithm.value]

    async def _replace(
        self,
        unit: Unit,
        stored: Sequence[StoredKey],
        trace: RequestTrace,
        actor: str | None = None,
    ) -> str:
        now = self._clock.now()
        fresh = _next_of(self._fitting(stored))
        if fresh is None:
            fresh = self._make()
            await unit.keys.insert(fresh)
        await unit.keys.activate(fresh.kid, now=now, overlap=self._policy.overlap)
        await unit.keys.insert(self._make())
        event = KeysRotated(subject=None, actor=actor, kid=fresh.kid)
        await unit.audit.append(event, at=now, trace=trace)
        return fresh.kid


def _signing_of(keys: Sequence[StoredKey]) -> StoredKey | None:
    active = [key for key in keys if key.activated_at is not None and key.retires_at is None]
    return max(active, key=lambda key: (key.activated_at or 0, key.kid), default=None)


def _next_of(keys: Sequence[StoredKey]) -> StoredKey | None:
    waiting = [key for key in keys if key.activated_at is None]
    return min(waiting, key=lambda key: (key.created_at, key.kid), default=None)


def place_of(kid: str) -> bytes:
    """What a sealed key is bound to: it opens in its own row only."""
    return f"signing_keys/sealed/{kid}".encode()
