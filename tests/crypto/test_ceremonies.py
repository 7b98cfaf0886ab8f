"""A registration or an assertion is believed as it was made, and in no other form (W rows)."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webauthn.helpers import encode_cbor, parse_cbor

from watchword.crypto import base64url
from watchword.crypto.ceremonies import (
    challenge_of,
    credential_id_of,
    verify_assertion,
    verify_registration,
)
from watchword.crypto.cose import Algorithm
from watchword.crypto.passkeys import (
    Credential,
    NewPasskey,
    PasskeyRefused,
    PasskeyUse,
    RelyingParty,
    Requirement,
    UserEntity,
)
from watchword.testing.authenticator import HONEST, Behaviour, SoftwareAuthenticator

ORIGIN = "https://auth.example.org"
CHALLENGE = bytes(range(32))
HANDLE = b"\x01" * 32
PARTY = RelyingParty.at(ORIGIN, "Example")
STRICT = replace(PARTY, user_verification=Requirement.REQUIRED)
CREATION = PARTY.creation_options(UserEntity(HANDLE, "ada@example.com", "Ada"), CHALLENGE)
REQUEST = PARTY.request_options(CHALLENGE)

SELF_ATTESTED = Behaviour(attestation="packed")
SYNCED = Behaviour(backup_eligible=True, backed_up=True)

Answer = dict[str, Any]


def register(
    device: SoftwareAuthenticator, behaviour: Behaviour = HONEST, party: RelyingParty = PARTY
) -> NewPasskey:
    return verify_registration(party, device.create(CREATION, behaviour), challenge=CHALLENGE)


def kept(new: NewPasskey) -> Credential:
    return Credential(
        new.credential_id, new.public_key, new.sign_count, new.backup_eligible, HANDLE
    )


def use(
    device: SoftwareAuthenticator,
    behaviour: Behaviour = HONEST,
    *,
    known: Credential | None = None,
    party: RelyingParty = PARTY,
) -> PasskeyUse:
    known = known or kept(register(device))
    return verify_assertion(party, device.get(REQUEST, behaviour), challenge=CHALLENGE, known=known)


def flipped(answer: Answer, name: str, at: int, bits: int) -> Answer:
    """The answer with one byte of one part changed."""
    raw = bytearray(base64url.decode(answer["response"][name]))
    raw[at % len(raw)] ^= bits
    return {**answer, "response": {**answer["response"], name: base64url.encode(bytes(raw))}}


@pytest.fixture(params=list(Algorithm), ids=lambda algorithm: algorithm.name)
def device(request: pytest.FixtureRequest) -> SoftwareAuthenticator:
    return SoftwareAuthenticator(ORIGIN, algorithm=request.param)


@pytest.fixture
def es256() -> SoftwareAuthenticator:
    return SoftwareAuthenticator(ORIGIN)


class TestAnHonestPasskey:
    def test_is_registered_and_used(self, device: SoftwareAuthenticator) -> None:
        new = register(device)
        assert new == NewPasskey(
            credential_id=device.credential_id,
            public_key=device.public_key,
            sign_count=0,
            aaguid="00000000-0000-0000-0000-000000000000",
            transports=("hybrid", "internal"),
            backup_eligible=False,
            backed_up=False,
            user_verified=True,
        )
        assert use(device, known=kept(new)) == PasskeyUse(
            credential_id=device.credential_id,
            sign_count=1,
            user_verified=True,
            backed_up=False,
            counter_regressed=False,
        )

    def test_may_attest_for_itself(self, device: SoftwareAuthenticator) -> None:
        assert register(device, SELF_ATTESTED).public_key == device.public_key

    @pytest.mark.parametrize("form", ["tpm", "apple", "android-key", "compound", "of tomorrow"])
    def test_may_be_attested_by_others_whom_nobody_reads(
        self, es256: SoftwareAuthenticator, form: str
    ) -> None:
        statement = {"x5c": [b"no certificate"], "sig": b""}
        register(es256, Behaviour(attestation=form, statement=statement))
        register(es256, Behaviour(attestation="packed", statement=statement))

    def test_may_be_synced(self, es256: SoftwareAuthenticator) -> None:
        new = register(es256, SYNCED)
        assert (new.backup_eligible, new.backed_up) == (True, True)
        assert not use(es256, replace(SYNCED, backed_up=False), known=kept(new)).backed_up

    def test_may_bring_extensions(self, es256: SoftwareAuthenticator) -> None:
        extended = Behaviour(extensions=encode_cbor({"credProtect": 2, "hmac-secret": True}))
        use(es256, extended, known=kept(register(es256, extended)))

    def test_may_leave_its_owner_out(self, es256: SoftwareAuthenticator) -> None:
        known = kept(register(es256))
        es256.user_handle = b""
        use(es256, known=known)

    def test_may_tell_more_than_is_known(self, es256: SoftwareAuthenticator) -> None:
        """WebAuthn level 3 section 5.8.1: client data will be extended."""
        register(es256, Behaviour(client_data={"new": [{"thing": 1.5}]}))
        answer = es256.create(CREATION)
        answer |= {"authenticatorAttachment": "of tomorrow", "surprise": 1}
        answer["response"] = {**_response(answer), "publicKeyAlgorithm": -7, "transports": ["x"]}
        assert verify_registration(PARTY, answer, challenge=CHALLENGE).transports == ()


class TestTheCeremony:
    @pytest.mark.parametrize(
        "lie",
        [
            {"origin": "https://evil.example"},
            {"origin": "http://auth.example.org"},
            {"origin": "https://auth.example.org:444"},
            {"origin": "https://auth.example.org/"},
            {"origin": "https://AUTH.example.org"},
            {"origin": "https://evil.auth.example.org"},
            {"origin": [ORIGIN]},
            {"origin": None},
            {"type": "webauthn.payment"},
            {"type": "WEBAUTHN.GET"},
            {"type": None},
            {"crossOrigin": True},
            {"crossOrigin": "false"},
            {"crossOrigin": 0},
            {"topOrigin": ORIGIN},
            {"topOrigin": "https://evil.example"},
        ],
        ids=str,
    )
    def test_w02_is_on_a_page_of_ours_and_in_no_frame(
        self, es256: SoftwareAuthenticator, lie: dict[str, object]
    ) -> None:
        with pytest.raises(PasskeyRefused, match=r"^client data$"):
            register(es256, Behaviour(client_data=lie))
        with pytest.raises(PasskeyRefused, match=r"^client data$"):
            use(es256, Behaviour(client_data=lie))

    def test_w02_of_one_kind_does_not_stand_in_for_the_other(
        self, es256: SoftwareAuthenticator
    ) -> None:
        with pytest.raises(PasskeyRefused, match=r"^client data$"):
            register(es256, Behaviour(client_data={"type": "webauthn.get"}))
        with pytest.raises(PasskeyRefused, match=r"^client data$"):
            use(es256, Behaviour(client_data={"type": "webauthn.create"}))

    @pytest.mark.parametrize("rp_id", ["evil.example", "example.org", "AUTH.example.org", ORIGIN])
    def test_w02_is_for_this_relying_party(self, es256: SoftwareAuthenticator, rp_id: str) -> None:
        with pytest.raises(PasskeyRefused, match=r"^registration$"):
            register(es256, Behaviour(rp_id=rp_id))
        with pytest.raises(PasskeyRefused, match=r"^assertion$"):
            use(es256, Behaviour(rp_id=rp_id))

    @pytest.mark.parametrize(
        "challenge",
        [
            base64url.encode(bytes(32)),
            base64url.encode(CHALLENGE[:-1]),
            base64url.encode(CHALLENGE) + "=",
            base64url.encode(CHALLENGE)[:-1] + "9",  # the same bytes, spare bits set
            "",
            None,
            [CHALLENGE[0]],
        ],
    )
    def test_w01_answers_its_own_challenge(
        self, es256: SoftwareAuthenticator, challenge: object
    ) -> None:
        with pytest.raises(PasskeyRefused, match=r"^client data$"):
            register(es256, Behaviour(client_data={"challenge": challenge}))
        with pytest.raises(PasskeyRefused, match=r"^client data$"):
            use(es256, Behaviour(client_data={"challenge": challenge}))

    def test_of_a_further_origin_is_one_of_ours(self) -> None:
        app = "android:apk-key-hash:abc"
        party = RelyingParty.at(ORIGIN, "Example", origins=[app])
        device = SoftwareAuthenticator(app)
        told = use(device, known=kept(register(device, party=party)), party=party)
        assert told.credential_id == device.credential_id

    def test_i03_has_no_member_twice(self, es256: SoftwareAuthenticator) -> None:
        answer = es256.create(CREATION)
        raw = base64url.decode(str(_response(answer)["clientDataJSON"]))
        twice = raw[:-1] + b',"origin":"https://auth.example.org"}'
        answer["response"] = {**_response(answer), "clientDataJSON": base64url.encode(twice)}
        with pytest.raises(PasskeyRefused, match=r"^client data$"):
            verify_registration(PARTY, answer, challenge=CHALLENGE)


class TestTheFlags:
    def test_w03_a_person_who_was_not_verified_is_reported(
        self, es256: SoftwareAuthenticator
    ) -> None:
        unverified = Behaviour(user_verified=False)
        assert not register(es256, unverified).user_verified
        assert not use(es256, unverified).user_verified

    def test_w03_and_refused_where_that_is_required(self, es256: SoftwareAuthenticator) -> None:
        unverified = Behaviour(user_verified=False)
        register(es256, party=STRICT)
        with pytest.raises(PasskeyRefused, match=r"^registration$"):
            register(es256, unverified, STRICT)
        with pytest.raises(PasskeyRefused, match=r"^assertion$"):
            use(es256, unverified, party=STRICT)

    @pytest.mark.parametrize(
        "lie",
        [Behaviour(user_present=False), Behaviour(backed_up=True)],
        ids=["nobody is present", "backed up but not eligible"],
    )
    def test_w04_impossible_flags_are_refused(
        self, es256: SoftwareAuthenticator, lie: Behaviour
    ) -> None:
        with pytest.raises(PasskeyRefused, match=r"^registration$"):
            register(es256, lie)
        with pytest.raises(PasskeyRefused, match=r"^assertion$"):
            use(es256, lie)

    def test_w04_eligibility_never_changes(self, es256: SoftwareAuthenticator) -> None:
        with pytest.raises(PasskeyRefused, match=r"^backup eligibility$"):
            use(es256, SYNCED, known=kept(register(es256)))
        with pytest.raises(PasskeyRefused, match=r"^backup eligibility$"):
            use(es256, known=kept(register(es256, SYNCED)))


class TestTheOwner:
    @pytest.mark.parametrize("handle", [b"\x02" * 32, HANDLE[:-1], HANDLE + b"\x01", b"\x01"])
    def test_w05_another_user_handle_is_refused(
        self, es256: SoftwareAuthenticator, handle: bytes
    ) -> None:
        with pytest.raises(PasskeyRefused, match=r"^user handle$"):
            use(es256, Behaviour(user_handle=handle))

    @pytest.mark.parametrize("handle", ["", 5, [], base64url.encode(bytes(65))])
    def test_w05_a_user_handle_of_no_form_is_refused(
        self, es256: SoftwareAuthenticator, handle: object
    ) -> None:
        known, answer = kept(register(es256)), es256.get(REQUEST)
        answer["response"] = {**_response(answer), "userHandle": handle}
        with pytest.raises(PasskeyRefused):
            verify_assertion(PARTY, answer, challenge=CHALLENGE, known=known)

    def test_w05_one_credential_does_not_stand_in_for_another(self) -> None:
        ada, eve = SoftwareAuthenticator(ORIGIN), SoftwareAuthenticator(ORIGIN, seed=2)
        known = kept(register(ada))
        register(eve)
        with pytest.raises(PasskeyRefused, match=r"^credential id$"):
            use(eve, known=known)
        eve.credential_id = ada.credential_id
        with pytest.raises(PasskeyRefused, match=r"^assertion$"):
            use(eve, known=known)


class TestTheCounter:
    @pytest.mark.parametrize(
        ("before", "now", "regressed"),
        [
            (0, 0, False),
            (0, 1, False),
            (5, 6, False),
            (5, 2**32 - 1, False),
            (5, 5, True),
            (5, 4, True),
            (5, 0, True),
            (1, 0, True),
        ],
    )
    def test_w06_going_back_or_standing_still_is_reported(
        self, es256: SoftwareAuthenticator, before: int, now: int, regressed: bool
    ) -> None:
        known = replace(kept(register(es256)), sign_count=before)
        told = use(es256, Behaviour(sign_count=now), known=known)
        assert (told.sign_count, told.counter_regressed) == (now, regressed)


class TestTheCredentialId:
    def test_w07_has_1023_bytes_at_most(self) -> None:
        longest = SoftwareAuthenticator(ORIGIN, id_length=1_023)
        assert use(longest).credential_id == longest.credential_id
        for length in (0, 1_024, 1_025, 4_000):
            with pytest.raises(PasskeyRefused, match=r"^form$"):
                register(SoftwareAuthenticator(ORIGIN, id_length=length))

    def test_w07_is_the_one_that_the_authenticator_told(self, es256: SoftwareAuthenticator) -> None:
        other = base64url.encode(b"another id")
        answer = es256.create(CREATION) | {"id": other, "rawId": other}
        with pytest.raises(PasskeyRefused, match=r"^credential id$"):
            verify_registration(PARTY, answer, challenge=CHALLENGE)

    @pytest.mark.parametrize(
        "lie",
        [
            {"id": None},
            {"id": 5},
            {"id": "AQ=="},
            {"id": "AR"},
            {"id": "A+/A"},
            {"id": "ä"},
            {"rawId": "AQ"},
            {"rawId": None},
            {"type": "password"},
            {"type": None},
        ],
        ids=str,
    )
    def test_has_one_form(self, es256: SoftwareAuthenticator, lie: dict[str, object]) -> None:
        answer = es256.create(CREATION)
        assert credential_id_of(answer) == es256.credential_id
        with pytest.raises(PasskeyRefused, match=r"^form$"):
            credential_id_of(answer | lie)


class TestTheChallenge:
    def test_w01_is_read_off_either_answer(self, es256: SoftwareAuthenticator) -> None:
        assert challenge_of(es256.create(CREATION)) == CHALLENGE
        assert challenge_of(es256.get(REQUEST)) == CHALLENGE

    @pytest.mark.parametrize("challenge", [None, 1, [], "AA=", "not one", "A" * 257])
    def test_w01_that_is_none_is_refused(
        self, es256: SoftwareAuthenticator, challenge: object
    ) -> None:
        told = es256.get(REQUEST, Behaviour(client_data={"challenge": challenge}))
        with pytest.raises(PasskeyRefused, match=r"^client data$"):
            challenge_of(told)

    def test_w01_of_something_else_is_refused(self) -> None:
        with pytest.raises(PasskeyRefused, match=r"^form$"):
            challenge_of({"response": {"clientDataJSON": 1}})


class TestTheKey:
    @pytest.mark.parametrize(
        "changed",
        [{3: -36}, {3: -258}, {3: -8}, {-1: 2}, {-2: bytes(32)}, {-2: b"\xff" * 32}, {-2: None}],
        ids=str,
    )
    def test_w08_that_cannot_verify_is_refused(
        self, es256: SoftwareAuthenticator, changed: dict[int, object]
    ) -> None:
        key = encode_cbor({**parse_cbor(es256.public_key), **changed})
        with pytest.raises(PasskeyRefused, match=r"^registration$"):
            register(es256, Behaviour(public_key=key))

    @pytest.mark.parametrize(
        "key",
        [
            b"",
            b"\x04",
            b"\x04" + bytes(64),
            b"\x80",
            b"\xa0",
            b"\xa1\x01\x02\x03",
            b"\x81" * 5_000 + b"\x00",
            b"\xbf" * 500,
            b"\xc2\x41\x01",
            b"\xa3\x01cOKP\x03\x27\x20gEd25519",
            b"\xa5\x01\x02\x01\x02\x03\x26\x20\x01\x21\x40",
        ],
    )
    def test_w08_that_is_no_key_is_refused(self, es256: SoftwareAuthenticator, key: bytes) -> None:
        with pytest.raises(PasskeyRefused, match=r"^registration$"):
            register(es256, Behaviour(public_key=key))

    def test_w08_that_carries_a_load_is_refused(self, es256: SoftwareAuthenticator) -> None:
        key = encode_cbor({**parse_cbor(es256.public_key), 99: bytes(1_000)})
        with pytest.raises(PasskeyRefused, match=r"^key$"):
            register(es256, Behaviour(public_key=key))


class TestTheBytes:
    @pytest.mark.parametrize("tail", [b"\x00", b"\xa0", bytes(100)])
    def test_w08_that_are_left_over_are_refused(
        self, es256: SoftwareAuthenticator, tail: bytes
    ) -> None:
        with pytest.raises(PasskeyRefused):
            register(es256, Behaviour(tail=tail))
        with pytest.raises(PasskeyRefused):
            use(es256, Behaviour(tail=tail))

    @pytest.mark.parametrize(
        "extensions", [b"\xa1", b"\xa0\xa0", b"\x81" * 5_000, b"\xd8\x23\x66(a+)+$", b"\x9f\xff"]
    )
    def test_w08_of_hostile_extensions_are_refused(
        self, es256: SoftwareAuthenticator, extensions: bytes
    ) -> None:
        with pytest.raises(PasskeyRefused):
            register(es256, Behaviour(extensions=extensions))
        with pytest.raises(PasskeyRefused):
            use(es256, Behaviour(extensions=extensions))

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"\xa0",
            b"\x00",
            b"\x81" * 10_000 + b"\x00",
            encode_cbor({"fmt": "none", "attStmt": {}}),
            encode_cbor({"fmt": "none", "attStmt": {}, "authData": b""}),
            encode_cbor({"fmt": "none", "attStmt": {}, "authData": "text"}),
            encode_cbor({"fmt": 5, "attStmt": {}, "authData": bytes(37)}),
            encode_cbor({"fmt": "packed", "attStmt": 5, "authData": bytes(37)}),
        ],
    )
    def test_w08_of_no_attestation_object_are_refused(
        self, es256: SoftwareAuthenticator, raw: bytes
    ) -> None:
        answer = es256.create(CREATION)
        answer["response"] = {**_response(answer), "attestationObject": base64url.encode(raw)}
        with pytest.raises(PasskeyRefused, match=r"^registration$"):
            verify_registration(PARTY, answer, challenge=CHALLENGE)

    def test_w08_after_the_attestation_object_are_refused(
        self, es256: SoftwareAuthenticator
    ) -> None:
        answer = es256.create(CREATION)
        raw = base64url.decode(str(_response(answer)["attestationObject"])) + b"\x00"
        answer["response"] = {**_response(answer), "attestationObject": base64url.encode(raw)}
        with pytest.raises(PasskeyRefused, match=r"^registration$"):
            verify_registration(PARTY, answer, challenge=CHALLENGE)

    def test_w08_of_a_statement_where_there_is_none_are_refused(
        self, es256: SoftwareAuthenticator
    ) -> None:
        with pytest.raises(PasskeyRefused, match=r"^registration$"):
            register(es256, Behaviour(statement={"other": 1}))

    @pytest.mark.parametrize("statement", [{}, {"alg": -7, "sig": b""}, {"alg": -8, "sig": b"x"}])
    def test_w08_of_a_false_signature_by_itself_are_refused(
        self, es256: SoftwareAuthenticator, statement: dict[str, object]
    ) -> None:
        with pytest.raises(PasskeyRefused, match=r"^registration$"):
            register(es256, Behaviour(attestation="packed", statement=statement))

    def test_w08_of_a_registration_have_a_bound(self, es256: SoftwareAuthenticator) -> None:
        for name in ("clientDataJSON", "attestationObject"):
            answer = es256.create(CREATION)
            answer["response"] = {**_response(answer), name: "A" * 40_000}
            with pytest.raises(PasskeyRefused):
                verify_registration(PARTY, answer, challenge=CHALLENGE)


DEVICE = SoftwareAuthenticator(ORIGIN)
REGISTRATION: Answer = DEVICE.create(CREATION, SELF_ATTESTED)
KNOWN = kept(verify_registration(PARTY, REGISTRATION, challenge=CHALLENGE))
ASSERTION: Answer = DEVICE.get(REQUEST)
ED25519 = SoftwareAuthenticator(ORIGIN, algorithm=Algorithm.EDDSA)
ED25519_KNOWN = kept(register(ED25519))
ED25519_ASSERTION: Answer = ED25519.get(REQUEST)

places = st.integers(0, 2_000)
bits = st.integers(1, 255)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(
    leaves | st.binary(max_size=200).map(base64url.encode),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
NAMES = ("id", "rawId", "type", "response", "authenticatorAttachment")
PARTS = ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle")


class TestWhateverIsChanged:
    @given(name=st.sampled_from(["clientDataJSON", "attestationObject"]), at=places, bits=bits)
    def test_w08_a_registration_signed_by_its_key_is_refused(
        self, name: str, at: int, bits: int
    ) -> None:
        """All but the name of the form, for a statement of another form is not looked at."""
        unsigned = len(encode_cbor("fmt") + encode_cbor("packed"))
        length = len(base64url.decode(REGISTRATION["response"][name]))
        if name == "attestationObject":
            at = 1 + unsigned + at % (length - 1 - unsigned)
        with pytest.raises(PasskeyRefused):
            verify_registration(PARTY, flipped(REGISTRATION, name, at, bits), challenge=CHALLENGE)

    @given(
        name=st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]),
        at=places,
        bits=bits,
    )
    def test_w08_an_assertion_is_refused(self, name: str, at: int, bits: int) -> None:
        for answer, known in ((ASSERTION, KNOWN), (ED25519_ASSERTION, ED25519_KNOWN)):
            with pytest.raises(PasskeyRefused):
                verify_assertion(
                    PARTY, flipped(answer, name, at, bits), challenge=CHALLENGE, known=known
                )

    @given(at=places, bits=bits)
    def test_w08_an_unsigned_registration_is_refused_or_tells_the_change(
        self, at: int, bits: int
    ) -> None:
        """Nobody signs an attestation of the form "none": the page of ours that posts it is who
        vouches for it. A changed counter is seen, a changed name of a model cannot be.
        """
        answer: Answer = DEVICE.create(CREATION)
        new = verify_registration(PARTY, answer, challenge=CHALLENGE)
        try:
            told = verify_registration(
                PARTY, flipped(answer, "attestationObject", at, bits), challenge=CHALLENGE
            )
        except PasskeyRefused:
            return
        assert (told.credential_id, told.public_key) == (new.credential_id, new.public_key)

    @given(name=st.sampled_from([*NAMES, *PARTS]), value=anything)
    def test_w08_any_json_is_refused_with_the_one_error(self, name: str, value: object) -> None:
        for answer in (REGISTRATION, ASSERTION):
            told = {**answer}
            if name in PARTS:
                told["response"] = {**answer["response"], name: value}
            else:
                told[name] = value
            _is_judged(told)

    @given(st.dictionaries(st.sampled_from([*NAMES, *PARTS]) | st.text(), anything, max_size=6))
    def test_w08_any_object_is_refused_with_the_one_error(self, told: dict[str, object]) -> None:
        _is_judged(told)
        _is_judged({**REGISTRATION, "response": told})


def _is_judged(told: dict[str, object]) -> None:
    """Raise whatever is neither a value nor `PasskeyRefused`."""
    with suppress(PasskeyRefused):
        verify_registration(PARTY, told, challenge=CHALLENGE)
    with suppress(PasskeyRefused):
        verify_assertion(PARTY, told, challenge=CHALLENGE, known=KNOWN)


def _response(answer: dict[str, object]) -> dict[str, object]:
    response = answer["response"]
    assert isinstance(response, dict)
    return response
