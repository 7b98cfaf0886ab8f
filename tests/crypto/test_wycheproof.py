"""Every JWS vector of Project Wycheproof is judged by our reader; an exception has its reason."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from watchword.crypto import jws
from watchword.crypto.jws import InvalidToken
from watchword.crypto.keys import Algorithm, SigningKey, UnusableKey, VerifyingKey

VECTORS = Path(__file__).parent.parent / "vectors/wycheproof/json_web_signature_test.json"
GROUPS: list[dict[str, Any]] = json.loads(VECTORS.read_text("utf-8"))["testGroups"]
CASES = [(group, test) for group in GROUPS for test in group["tests"]]

# Marked valid, and yet refused.
REFUSED_ALTHOUGH_VALID = {
    346: "a PS384 token under a key whose alg is PS256: one key, one algorithm",
    347: "the key's alg is ES521, which does not exist",
    350: "a PS384 token under a key whose alg is PS256: one key, one algorithm",
    351: "the key's alg is ES521, which does not exist",
    372: "a '?' stands inside the header, and is no base64url character",
    373: "a '?' stands inside the payload, and is no base64url character",
}
# Marked invalid, and yet accepted.
ACCEPTED_ALTHOUGH_INVALID = {
    367: "byte for byte the valid token of 357; the padding it should show was lost",
    370: "byte for byte the valid token of 357; the padding it should show was lost",
}
# Valid, of an algorithm that we do not speak: refused because no key for it can be loaded.
NOT_SPOKEN = {"RS384", "RS512", "PS256", "PS384", "PS512", "ES521"}


def load(group: dict[str, Any]) -> VerifyingKey:
    if "public" in group:
        return VerifyingKey.from_jwk(group["public"])
    return SigningKey.from_bytes(json.dumps(group["private"]).encode()).verifying_key


def is_accepted(group: dict[str, Any], token: str) -> bool:
    try:
        key = load(group)
        jws.verify(token, {key.kid: key})
    except (UnusableKey, InvalidToken):
        return False
    return True


def is_expected(group: dict[str, Any], test: dict[str, Any]) -> bool:
    number = test["tcId"]
    if number in ACCEPTED_ALTHOUGH_INVALID:
        return True
    if number in REFUSED_ALTHOUGH_VALID or group["private"].get("alg") in NOT_SPOKEN:
        return False
    return bool(test["result"] == "valid")


@pytest.mark.parametrize(
    ("group", "test"), CASES, ids=[f"{test['tcId']}-{test['comment']}" for _, test in CASES]
)
def test_a_vector_is_judged_as_expected(group: dict[str, Any], test: dict[str, Any]) -> None:
    assert is_accepted(group, test["jws"]) is is_expected(group, test)


def test_all_401_vectors_are_there() -> None:
    assert Counter(test["result"] for _, test in CASES) == {"valid": 46, "invalid": 355}


def test_every_algorithm_but_eddsa_has_an_accepted_vector() -> None:
    # The file holds no EdDSA at all; RFC 8037's own example stands in tests/crypto/test_jws.py.
    accepted = {group["private"]["alg"] for group, test in CASES if is_accepted(group, test["jws"])}
    assert accepted == set(Algorithm) - {Algorithm.EDDSA}


def test_an_exception_is_still_one() -> None:
    results = {test["tcId"]: test["result"] for _, test in CASES}
    assert {results[number] for number in REFUSED_ALTHOUGH_VALID} == {"valid"}
    assert {results[number] for number in ACCEPTED_ALTHOUGH_INVALID} == {"invalid"}


def test_the_lost_padding_vectors_are_the_valid_token() -> None:
    tokens = {test["tcId"]: test["jws"] for _, test in CASES}
    assert tokens[367] == tokens[370] == tokens[357]


@pytest.mark.parametrize("number", range(379, 402))
def test_j09_a_special_ecdsa_signature_is_refused_for_itself(number: int) -> None:
    group, test = next(case for case in CASES if case[1]["tcId"] == number)
    key = load(group)
    with pytest.raises(InvalidToken, match=r"^signature$"):
        jws.verify(test["jws"], {key.kid: key})
