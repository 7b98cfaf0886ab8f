"""The test vectors of WebAuthn level 3 (section 16), of every algorithm that is offered here.

They carry the attestation statements that nobody here asks for, which are not looked at, and two
were made in a frame of another site, which is refused.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from watchword.crypto import base64url
from watchword.crypto.ceremonies import verify_assertion, verify_registration
from watchword.crypto.passkeys import Credential, NewPasskey, PasskeyRefused, RelyingParty

LEVEL_3: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors/webauthn/level3.json").read_text("utf-8")
)
VECTORS = {vector["name"]: vector for vector in LEVEL_3["vectors"]}
FRAMED = {"none.ES256.crossOrigin", "none.ES256.topOrigin"}
PARTY = RelyingParty.at(LEVEL_3["origin"], "Example")

TOLD = {
    "none.ES256": ("8446ccb9-ab1d-b374-750b-2367ff6f3a1f", True, True, False),
    "packed-self.ES256": ("df850e09-db6a-fbdf-ab51-697791506cfc", True, True, True),
    "packed.RS256": ("428f8878-298b-9862-a36a-d8c7527bfef2", True, True, True),
    "packed.EdDSA": ("d5aa3358-1e8c-a478-e20f-e713f5d32ff2", False, False, False),
}


def answer(part: dict[str, str], credential_id: bytes) -> dict[str, object]:
    text = base64url.encode(credential_id)
    response = {
        name: base64url.encode(part[name].encode() if name[0] == "c" else bytes.fromhex(part[name]))
        for name in part
        if name != "challenge"
    }
    return {"id": text, "rawId": text, "type": "public-key", "response": response}


def id_in(part: dict[str, str]) -> bytes:
    """The id has 32 bytes in these vectors; it follows the model's id and its own length."""
    raw = bytes.fromhex(part["attestationObject"])
    at = raw.index(bytes.fromhex("bfabc374")) + 37 + 16 + 2
    return raw[at : at + 32]


def registered(name: str) -> NewPasskey:
    part = VECTORS[name]["registration"]
    challenge = bytes.fromhex(part["challenge"])
    return verify_registration(PARTY, answer(part, id_in(part)), challenge=challenge)


def as_kept(new: NewPasskey) -> Credential:
    return Credential(new.credential_id, new.public_key, 0, new.backup_eligible, b"ada")


@pytest.mark.parametrize("name", TOLD)
def test_a_registration_is_believed(name: str) -> None:
    new = registered(name)
    told = (new.aaguid, new.backup_eligible, new.backed_up, new.user_verified)
    assert told == TOLD[name]


@pytest.mark.parametrize("name", TOLD)
def test_an_assertion_is_believed(name: str) -> None:
    part, new = VECTORS[name]["authentication"], registered(name)
    use = verify_assertion(
        PARTY,
        answer(part, new.credential_id),
        challenge=bytes.fromhex(part["challenge"]),
        known=as_kept(new),
    )
    assert (use.credential_id, use.sign_count) == (new.credential_id, 0)
    assert not use.user_verified
    assert not use.counter_regressed


@pytest.mark.parametrize("name", TOLD)
def test_w01_an_assertion_answers_no_other_challenge(name: str) -> None:
    part, new = VECTORS[name]["authentication"], registered(name)
    challenge = bytes.fromhex(VECTORS[name]["registration"]["challenge"])
    with pytest.raises(PasskeyRefused, match=r"^client data$"):
        verify_assertion(
            PARTY, answer(part, new.credential_id), challenge=challenge, known=as_kept(new)
        )


@pytest.mark.parametrize("name", sorted(FRAMED))
def test_w02_what_was_made_in_a_frame_of_another_site_is_refused(name: str) -> None:
    with pytest.raises(PasskeyRefused, match=r"^client data$"):
        registered(name)
    part = VECTORS[name]["authentication"]
    with pytest.raises(PasskeyRefused, match=r"^client data$"):
        verify_assertion(
            PARTY,
            answer(part, b"id"),
            challenge=bytes.fromhex(part["challenge"]),
            known=Credential(b"id", b"", 0, backup_eligible=False, user_handle=b"ada"),
        )


def test_every_vector_is_used() -> None:
    assert set(VECTORS) == FRAMED | set(TOLD)
