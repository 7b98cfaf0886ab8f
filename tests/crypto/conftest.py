"""Keys for all tests of this room: RSA takes its time."""

from collections.abc import Mapping

import pytest

from watchword.crypto.keys import Algorithm, SigningKey, VerifyingKey

Keyring = dict[Algorithm, SigningKey]


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    """One key of each algorithm."""
    return {algorithm: SigningKey.generate(algorithm, f"{algorithm}-1") for algorithm in Algorithm}


@pytest.fixture(scope="session")
def keys(keyring: Keyring) -> Mapping[str, VerifyingKey]:
    return {key.kid: key.verifying_key for key in keyring.values()}


@pytest.fixture(scope="session")
def ed25519(keyring: Keyring) -> SigningKey:
    return keyring[Algorithm.EDDSA]
