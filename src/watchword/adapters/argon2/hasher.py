"""Argon2id for every password; older hashes are verified and reported as outdated.

Invariant: an account that does not exist, one without a password, a stored hash that cannot be
read, and a wrong password cost the same Argon2 work with today's parameters (attack E02). Only an
imported hash of another kind takes its own time, until its owner has signed in once.
"""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from functools import partial
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import Type, verify_secret

from watchword.adapters.argon2 import foreign
from watchword.adapters.argon2.foreign import ForeignHash, UnreadableHash
from watchword.adapters.argon2.pool import HashingPool
from watchword.domain.errors import WrongPassword
from watchword.ports import HashState

# Passes to the least KiB of memory, equal in strength: OWASP Password Storage Cheat Sheet.
_LEAST_MEMORY: Final = {1: 47_104, 2: 19_456, 3: 12_288, 4: 9_216, 5: 7_168}
# What a sign-in may cost: 256 MiB for one hash, about a second on one core, 16 lanes. The same for
# what is configured and what is stored, so that no setting makes hashes that cannot be read.
_MOST_MEMORY: Final = 262_144
_MOST_WORK: Final = 1_048_576  # KiB times passes
_MOST_LANES: Final = 16

_SALT_SIZE: Final = 16
_DIGEST_SIZE: Final = 32

_COSTS: Final = "m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,9}),p=([1-9][0-9]{0,9})"
_SETTING = re.compile(f"argon2id,{_COSTS}")
_PHC = re.compile(
    rf"\$argon2(id|i|d)\$v=(16|19)\${_COSTS}\$([A-Za-z0-9+/]{{11,86}})\$([A-Za-z0-9+/]{{22,86}})"
)
_TYPES: Final = {"id": Type.ID, "i": Type.I, "d": Type.D}
_CURRENT_VERSION: Final = "19"


@dataclass(frozen=True, slots=True)
class Argon2Parameters:
    """``memory`` in KiB, ``passes`` over it, and ``lanes``, each of which may take a thread."""

    memory: int
    passes: int
    lanes: int

    def __post_init__(self) -> None:
        if self.memory > _MOST_MEMORY or self.memory * self.passes > _MOST_WORK:
            raise ValueError(
                f"Argon2 may take m={_MOST_MEMORY} (KiB) at most, and m times t {_MOST_WORK}."
            )
        if not 1 <= self.lanes <= _MOST_LANES or self.memory < 8 * self.lanes or self.passes < 1:
            raise ValueError(
                f"Argon2 needs t=1 or more, p from 1 to {_MOST_LANES}, and m of 8 times p or more."
            )

    @classmethod
    def parse(cls, text: str) -> "Argon2Parameters":
        """Read ``argon2id,m=19456,t=2,p=1``; raise `ValueError` below what OWASP asks for."""
        found = _SETTING.fullmatch(text)
        if not found:
            raise ValueError('Write the password hash as "argon2id,m=19456,t=2,p=1".')
        parameters = cls(*(int(number) for number in found.groups()))
        least = _LEAST_MEMORY[min(parameters.passes, max(_LEAST_MEMORY))]
        if parameters.memory < least:
            raise ValueError(
                f"Argon2id with t={parameters.passes} needs m={least} (KiB) or more: "
                "below that, stolen hashes are guessed too cheaply (OWASP, ASVS 11.4.2)."
            )
        return parameters

    @classmethod
    def for_tests(cls) -> "Argon2Parameters":
        """The cheapest there are; they protect nothing."""
        return cls(memory=8, passes=1, lanes=1)


class Argon2Hasher:
    """Keeps `watchword.ports.Hasher`; passwords come in the form of `passwords.normalise`."""

    def __init__(self, parameters: Argon2Parameters, pool: HashingPool) -> None:
        self._parameters = parameters
        self._pool = pool
        self._dummy = _StoredArgon2.unmatchable(parameters)
        self._library = PasswordHasher(
            time_cost=parameters.passes,
            memory_cost=parameters.memory,
            parallelism=parameters.lanes,
            hash_len=_DIGEST_SIZE,
            salt_len=_SALT_SIZE,
        )

    async def hash(self, password: str) -> str:
        return await self._pool.run(partial(self._library.hash, password.encode()))

    async def verify(self, password: str, encoded: str | None) -> HashState:
        stored = None if encoded is None else _readable(encoded)
        await self._pool.run(partial(self._check, password.encode(), stored))
        if isinstance(stored, _StoredArgon2) and stored.was_made_with(self._parameters):
            return HashState.CURRENT
        return HashState.OUTDATED

    def _check(self, password: bytes, stored: "_StoredArgon2 | ForeignHash | None") -> None:
        if stored is None:
            self._dummy.verify(password)
            raise WrongPassword
        stored.verify(password)


def is_supported(encoded: str) -> bool:
    """Whether a password can be verified with this hash, Argon2 or foreign (for an importer)."""
    return _readable(encoded) is not None


def _readable(encoded: str) -> "_StoredArgon2 | ForeignHash | None":
    try:
        return _StoredArgon2.read(encoded) or foreign.parse(encoded)
    except UnreadableHash:
        return None


@dataclass(frozen=True, slots=True, repr=False)
class _StoredArgon2:
    encoded: bytes
    kind: Type
    version: str
    parameters: Argon2Parameters

    @classmethod
    def read(cls, encoded: str) -> "_StoredArgon2 | None":
        found = _PHC.fullmatch(encoded)
        if not found:
            return None
        if not (_is_base64(found[6]) and _is_base64(found[7])):
            raise UnreadableHash("The hash is not well-formed.")
        try:
            parameters = Argon2Parameters(*(int(number) for number in found.group(3, 4, 5)))
        except ValueError as error:
            raise UnreadableHash("The Argon2 parameters are out of bounds.") from error
        return cls(encoded.encode(), _TYPES[found[1]], found[2], parameters)

    @classmethod
    def unmatchable(cls, parameters: Argon2Parameters) -> "_StoredArgon2":
        """As dear as a real one, with a digest that no password is known to have."""
        costs = f"m={parameters.memory},t={parameters.passes},p={parameters.lanes}"
        salt, digest = _base64(bytes(_SALT_SIZE)), _base64(bytes(_DIGEST_SIZE))
        encoded = f"$argon2id$v={_CURRENT_VERSION}${costs}${salt}${digest}"
        return cls(encoded.encode(), Type.ID, _CURRENT_VERSION, parameters)

    def was_made_with(self, parameters: Argon2Parameters) -> bool:
        return (self.kind, self.version, self.parameters) == (
            Type.ID,
            _CURRENT_VERSION,
            parameters,
        )

    def verify(self, password: bytes) -> None:
        try:
            verify_secret(self.encoded, password, self.kind)
        except VerifyMismatchError:
            raise WrongPassword from None


def _base64(content: bytes) -> str:
    return b64encode(content).decode().rstrip("=")


def _is_base64(text: str) -> bool:
    """Whether it is the one spelling of some bytes: a length that exists, and spare bits of 0."""
    return len(text) % 4 != 1 and _base64(b64decode(text + "=" * (-len(text) % 4))) == text
