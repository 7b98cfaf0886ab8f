"""The two ceremonies of passkeys, verified (WebAuthn level 3 section 7).

Invariant: whatever a stranger sends comes out as a verified value or as `PasskeyRefused`, and what
it costs is bounded by its size. py_webauthn takes the steps of the specification; what stands here
is what it leaves out or reads too kindly.
"""

from collections.abc import Mapping
from typing import Any, Final

from watchword.crypto import authenticator_data, base64url, cbor, client_data, cose
from watchword.crypto.client_data import Ceremony
from watchword.crypto.passkeys import (
    Credential,
    NewPasskey,
    PasskeyRefused,
    PasskeyUse,
    RelyingParty,
    Requirement,
)

# In characters of base64url. A credential id has 1023 bytes at most (section 4, attack W07), a user
# handle 64 (section 5.4.3); the others are several times what authenticators send.
_LONGEST_ID: Final = 1_364
_LONGEST_HANDLE: Final = 86
_LONGEST: Final = 32_768
_LONGEST_SIGNATURE: Final = 1_024
_LONGEST_KEY: Final = 1_024  # bytes: nearly twice what RSA of 4096 bits takes

# RFC 8809 section 4.2 and level 3 section 5.8.4. Other words are not kept.
_TRANSPORTS: Final = ("ble", "hybrid", "internal", "nfc", "smart-card", "usb")


def warm() -> None:
    """Import the library now, on a thread, so that no first passkey stops the others for 0.1 s."""
    import webauthn  # noqa: F401  # lazy: most processes that import this room see no passkey


def credential_id_of(told: Mapping[str, object]) -> bytes:
    """Whose id a RegistrationResponseJSON or AuthenticationResponseJSON claims, to look it up by.

    PasskeyRefused for what is not in that form.
    """
    credential_id = _read(told, "id", _LONGEST_ID)
    if not credential_id or told.get("rawId") != told["id"] or told.get("type") != "public-key":
        raise PasskeyRefused("form")
    return credential_id


def challenge_of(told: Mapping[str, object]) -> bytes:
    """The challenge that either of the two says it answers, to use it up by (attack W01).

    PasskeyRefused for what is not in that form.
    """
    raw = _read(_response_of(told), "clientDataJSON", _LONGEST)
    try:
        return client_data.challenge_of(raw)
    except ValueError:
        raise PasskeyRefused("client data") from None


def verify_registration(
    party: RelyingParty, told: Mapping[str, object], *, challenge: bytes
) -> NewPasskey:
    """Verify a RegistrationResponseJSON (section 7.1); PasskeyRefused if it is not believed.

    The caller uses the challenge up first (attack W01), and its store refuses an id that is taken
    (attack W07).
    """
    from webauthn import verify_registration_response  # lazy: 0.1 s and 5 MiB
    from webauthn.helpers import parse_cbor  # lazy: as above
    from webauthn.helpers.structs import CredentialDeviceType  # lazy: as above

    credential_id, response = credential_id_of(told), _response_of(told)
    _require_client_data(party, response, Ceremony.CREATE, challenge)
    try:
        verified = verify_registration_response(
            credential=_form(told, response, attestationObject=_attestation_of(response)),
            supported_pub_key_algs=_algorithms(),
            **_expectations(party, challenge),
        )
        cose.require_usable(parse_cbor(verified.credential_public_key))
    except Exception:  # noqa: BLE001  the library promises no list of what it raises
        raise PasskeyRefused("registration") from None
    if verified.credential_id != credential_id:
        raise PasskeyRefused("credential id")
    if len(verified.credential_public_key) > _LONGEST_KEY:
        raise PasskeyRefused("key")
    return NewPasskey(
        credential_id=credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        aaguid=verified.aaguid,
        transports=_transports_of(response),
        backup_eligible=verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        backed_up=verified.credential_backed_up,
        user_verified=verified.user_verified,
    )


def verify_assertion(
    party: RelyingParty, told: Mapping[str, object], *, challenge: bytes, known: Credential
) -> PasskeyUse:
    """Verify an AuthenticationResponseJSON of a passkey that is ``known`` by its id (section 7.2);
    PasskeyRefused if it is not believed.

    The caller uses the challenge up first (attack W01), and keeps the new counter in one statement
    with the old one as its guard (attack W06).
    """
    from webauthn import verify_authentication_response  # lazy: 0.1 s and 5 MiB
    from webauthn.helpers.structs import CredentialDeviceType  # lazy: as above

    response = _response_of(told)
    if credential_id_of(told) != known.credential_id:
        raise PasskeyRefused("credential id")
    _require_owner(response, known.user_handle)
    _require_client_data(party, response, Ceremony.GET, challenge)
    try:
        verified = verify_authentication_response(
            credential=_form(told, response, **_signed_of(response)),
            credential_public_key=known.public_key,
            credential_current_sign_count=0,  # the library would refuse, but the caller decides
            **_expectations(party, challenge),
        )
    except Exception:  # noqa: BLE001  the library promises no list of what it raises
        raise PasskeyRefused("assertion") from None
    is_eligible = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    if is_eligible != known.backup_eligible:
        raise PasskeyRefused("backup eligibility")  # section 6.1.3: it never changes
    return PasskeyUse(
        credential_id=known.credential_id,
        sign_count=verified.new_sign_count,
        user_verified=verified.user_verified,
        backed_up=verified.credential_backed_up,
        counter_regressed=_goes_back(known.sign_count, verified.new_sign_count),
    )


def _form(
    told: Mapping[str, object], response: Mapping[str, object], **members: str
) -> dict[str, object]:
    """What the library needs to see, and no member that it may stumble over."""
    return {
        "id": told["id"],
        "rawId": told["id"],
        "type": "public-key",
        "response": {"clientDataJSON": response["clientDataJSON"], **members},
    }


def _expectations(party: RelyingParty, challenge: bytes) -> dict[str, Any]:
    return {
        "expected_challenge": challenge,
        "expected_rp_id": party.id,
        "expected_origin": list(party.origins),
        "require_user_verification": party.user_verification is Requirement.REQUIRED,
    }


def _algorithms() -> list[Any]:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier  # lazy: 0.1 s and 5 MiB

    return [COSEAlgorithmIdentifier(number) for number in cose.Algorithm]


def _goes_back(known: int, count: int) -> bool:
    """An authenticator without a counter says 0 for ever (section 6.1.1)."""
    return max(known, count) > 0 and count <= known


def _attestation_of(response: Mapping[str, object]) -> str:
    """The attestation object, of one CBOR item alone, with at most a signature by the key itself.

    A statement that nobody asked for proves nothing here, and is left out unread: certificates of
    strangers stay out of every parser.
    """
    from webauthn.helpers import encode_cbor, parse_cbor  # lazy: 0.1 s and 5 MiB

    raw = _read(response, "attestationObject", _LONGEST)
    cbor.require_one_item(raw)
    told = parse_cbor(raw)
    authenticator_data.require_well_formed(told["authData"])
    form, statement = told["fmt"], told["attStmt"]
    if form == "none" and statement != {}:
        raise ValueError("section 8.7: there is no statement")
    if form == "none" or (form == "packed" and "x5c" not in statement):
        return base64url.encode(raw)
    bare = {"fmt": "none", "attStmt": {}, "authData": told["authData"]}
    return base64url.encode(encode_cbor(bare))


def _signed_of(response: Mapping[str, object]) -> dict[str, str]:
    signed = _read(response, "authenticatorData", _LONGEST)
    authenticator_data.require_well_formed(signed)
    signature = _read(response, "signature", _LONGEST_SIGNATURE)
    return {
        "authenticatorData": base64url.encode(signed),
        "signature": base64url.encode(signature),
    }


def _require_client_data(
    party: RelyingParty, response: Mapping[str, object], ceremony: Ceremony, challenge: bytes
) -> None:
    raw = _read(response, "clientDataJSON", _LONGEST)
    try:
        client_data.require(raw, ceremony=ceremony, challenge=challenge, origins=party.origins)
    except ValueError:
        raise PasskeyRefused("client data") from None


def _require_owner(response: Mapping[str, object], handle: bytes) -> None:
    """An authenticator without room for it sends none; one that is sent is the owner's (W05)."""
    if response.get("userHandle") is None:
        return
    if _read(response, "userHandle", _LONGEST_HANDLE) != handle:
        raise PasskeyRefused("user handle")


def _transports_of(response: Mapping[str, object]) -> tuple[str, ...]:
    named = response.get("transports")
    return tuple(word for word in _TRANSPORTS if isinstance(named, list) and word in named)


def _response_of(told: Mapping[str, object]) -> Mapping[str, object]:
    response = told.get("response")
    if not isinstance(response, Mapping):
        raise PasskeyRefused("form")
    return response


def _read(members: Mapping[str, object], name: str, longest: int) -> bytes:
    text = members.get(name)
    if not isinstance(text, str) or len(text) > longest:
        raise PasskeyRefused("form")
    try:
        return base64url.decode(text)
    except ValueError:
        raise PasskeyRefused("form") from None
