"""An access token is accepted only as we would have written it, and only inside its time."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from tests.crypto.conftest import Keyring
from watchword.crypto import jws
from watchword.crypto.access_tokens import (
    MAX_LIFETIME,
    TYPE,
    AccessClaims,
    AccessTokens,
    ExpiredToken,
)
from watchword.crypto.jws import InvalidToken
from watchword.crypto.keys import Algorithm, SigningKey, VerifyingKey

ISSUER, AUDIENCE = "https://auth.example.org", "https://api.example.org"
TOKENS = AccessTokens(ISSUER, AUDIENCE)
NOW = 1_800_000_000
CLAIMS = AccessClaims(
    iss=ISSUER,
    aud=AUDIENCE,
    sub="account-1",
    sid="session-1",
    jti="token-1",
    iat=NOW,
    exp=NOW + 300,
    role="user",
    gen=7,
    amr=("pwd", "otp"),
)
MISSING = ("this claim is not there",)
ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

every_algorithm = pytest.mark.parametrize("algorithm", list(Algorithm), ids=str)

texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128)
methods = st.lists(texts.map(lambda text: text[:32]), max_size=8).map(tuple)
claims_of_any_kind = st.builds(
    replace,
    st.just(CLAIMS),
    sub=texts,
    sid=texts,
    jti=texts,
    role=texts,
    gen=st.integers(0, 2**40),
    exp=st.integers(NOW + 1, NOW + MAX_LIFETIME),
    amr=methods,
)


def signed(key: SigningKey, payload: bytes | str | None = None, /, **changes: object) -> str:
    """Sign a payload exactly as written, or our claims with some of them changed."""
    claims = {**asdict(CLAIMS), **changes}
    kept = {name: value for name, value in claims.items() if value is not MISSING}
    text = json.dumps(kept) if payload is None else payload
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return jws.encode({"typ": TYPE}, raw, key)


def refusal(token: str, keys: Mapping[str, VerifyingKey], now: int = NOW) -> str:
    with pytest.raises(InvalidToken) as refused:
        TOKENS.verify(token, keys, now)
    assert not isinstance(refused.value, ExpiredToken)
    return refused.value.reason


def payload_with(name: str, literal: str) -> str:
    """Write our claims with one of them as this very JSON text."""
    return json.dumps({**asdict(CLAIMS), name: "@"}).replace('"@"', literal)


class TestIssuing:
    @every_algorithm
    @given(claims=claims_of_any_kind)
    def test_what_was_issued_is_read_back(
        self,
        keyring: Keyring,
        keys: Mapping[str, VerifyingKey],
        algorithm: Algorithm,
        claims: AccessClaims,
    ) -> None:
        assert TOKENS.verify(TOKENS.issue(claims, keyring[algorithm]), keys, NOW) == claims

    @every_algorithm
    def test_the_header_names_type_algorithm_and_key(
        self, keyring: Keyring, keys: Mapping[str, VerifyingKey], algorithm: Algorithm
    ) -> None:
        header = jws.verify(TOKENS.issue(CLAIMS, keyring[algorithm]), keys).header
        assert header == {"alg": algorithm.value, "kid": f"{algorithm}-1", "typ": "at+jwt"}

    def test_two_keys_never_share_a_header(self, keyring: Keyring) -> None:
        other = SigningKey.generate(Algorithm.EDDSA, "EdDSA-2")
        tokens = [TOKENS.issue(CLAIMS, key) for key in (*keyring.values(), other)]
        assert len({token.partition(".")[0] for token in tokens}) == len(tokens)

    @every_algorithm
    def test_the_largest_claims_still_make_a_readable_token(
        self, keyring: Keyring, keys: Mapping[str, VerifyingKey], algorithm: Algorithm
    ) -> None:
        # Four bytes are the most that a character takes, in UTF-8 or escaped.
        name, text = "\U0001f511" * 256, "\U0001f511" * 128
        tokens = AccessTokens(name, name)
        claims = replace(
            CLAIMS,
            iss=name,
            aud=name,
            sub=text,
            sid=text,
            jti=text,
            role=text,
            gen=2**40,
            amr=("\U0001f511" * 32,) * 8,
        )
        assert tokens.verify(tokens.issue(claims, keyring[algorithm]), keys, NOW) == claims

    @pytest.mark.parametrize("changes", [{"iss": "https://evil.example"}, {"aud": "other"}])
    def test_claims_of_somebody_else_are_not_signed(
        self, ed25519: SigningKey, changes: dict[str, str]
    ) -> None:
        with pytest.raises(ValueError, match="issuer and audience"):
            TOKENS.issue(replace(CLAIMS, **changes), ed25519)

    @pytest.mark.parametrize(
        "changes",
        [
            {"exp": NOW},
            {"exp": NOW - 1},
            {"exp": NOW + MAX_LIFETIME + 1},
            {"sub": ""},
            {"sid": "s" * 129},
            {"role": "a\nb"},
            {"gen": -1},
            {"gen": True},
            {"amr": ("pwd",) * 9},
            {"amr": ("p" * 33,)},
            {"iss": ""},
            {"aud": "a" * 257},
        ],
        ids=str,
    )
    def test_claims_that_we_would_refuse_do_not_exist(self, changes: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=" "):
            replace(CLAIMS, **changes)

    def test_claims_are_frozen(self) -> None:
        with pytest.raises(AttributeError):
            CLAIMS.role = "admin"  # type: ignore[misc]


class TestTypeAndAudience:
    @pytest.mark.parametrize(
        "typ",
        [
            "JWT",
            "jwt",
            "AT+JWT",
            "at+jwt ",
            "application/at+jwt",
            "refresh+jwt",
            "reset+jwt",
            "mfa+jwt",
            "logout+jwt",
            "dpop+jwt",
            "",
            None,
            ["at+jwt"],
            MISSING,
        ],
    )
    def test_j10_a_token_of_another_type_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], typ: object
    ) -> None:
        header = {} if typ is MISSING else {"typ": typ}
        token = jws.encode(header, json.dumps(asdict(CLAIMS)).encode(), ed25519)
        assert refusal(token, keys) == "type"

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"aud": "https://other.example.org"}, "audience"),
            ({"aud": AUDIENCE.upper()}, "audience"),
            ({"aud": AUDIENCE + "/"}, "audience"),
            ({"aud": [AUDIENCE]}, "claims"),
            ({"aud": [AUDIENCE, "https://other.example.org"]}, "claims"),
            ({"aud": None}, "claims"),
            ({"aud": MISSING}, "claims"),
            ({"iss": "https://evil.example"}, "issuer"),
            ({"iss": ISSUER + "/"}, "issuer"),
            ({"iss": [ISSUER]}, "claims"),
            ({"iss": MISSING}, "claims"),
        ],
    )
    def test_j11_another_audience_or_issuer_is_refused(
        self,
        ed25519: SigningKey,
        keys: Mapping[str, VerifyingKey],
        changes: dict[str, object],
        reason: str,
    ) -> None:
        assert refusal(signed(ed25519, **changes), keys) == reason


class TestPayload:
    @pytest.mark.parametrize(
        "addition",
        [
            '"sub":"account-2"',
            '"sub":"account-1"',
            '"\\u0073ub":"account-2"',
            '"x":[{"y":1,"y":1}]',
        ],
    )
    def test_j12_a_claim_that_occurs_twice_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], addition: str
    ) -> None:
        payload = json.dumps(asdict(CLAIMS))[:-1] + f",{addition}}}"
        assert refusal(signed(ed25519, payload), keys) == "json"

    @pytest.mark.parametrize(
        "payload",
        ["[1]", "[]", '"x"', "1", "null", "true", "{", "{}x", b"\xff", "\ufeff{}", "not json"],
    )
    def test_j16_a_payload_is_a_json_object(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], payload: bytes | str
    ) -> None:
        assert refusal(signed(ed25519, payload), keys) == "json"

    @pytest.mark.parametrize(
        "literal",
        ["[" * 2_500 + "]" * 2_500, "[" * 5_000, '{"a":' * 900 + "1" + "}" * 900, "9" * 5_000],
        ids=["arrays", "open arrays", "objects", "integer"],
    )
    def test_j17_a_deep_or_huge_payload_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], literal: str
    ) -> None:
        assert refusal(signed(ed25519, payload_with("x", literal)), keys) == "json"
        assert refusal(signed(ed25519, payload_with("exp", literal)), keys) == "json"

    @pytest.mark.parametrize("claim", ["sub", "sid", "jti", "role"])
    @pytest.mark.parametrize(
        "literal",
        [
            "1",
            "true",
            "null",
            "[]",
            '["admin"]',
            "{}",
            '""',
            '"\\ud800"',
            '"a\\udfffb"',
            '"a\\u0000b"',
            '"a\\nb"',
            '"\\u007f"',
            '"\\u0085"',
            f'"{"a" * 129}"',
            "MISSING",
        ],
        ids=lambda literal: literal[:12],
    )
    def test_j18_a_claim_is_a_clean_text(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], claim: str, literal: str
    ) -> None:
        if literal == "MISSING":
            token = signed(ed25519, **{claim: MISSING})
        else:
            token = signed(ed25519, payload_with(claim, literal))
        assert refusal(token, keys) == "claims"

    def test_j18_a_raw_surrogate_is_no_utf_8(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        assert refusal(signed(ed25519, payload_with("sub", '"\ud800"')), keys) == "json"

    @pytest.mark.parametrize(
        "amr",
        ["pwd", None, 1, {}, {"pwd": 1}, [1], [["pwd"]], [""], ["p" * 33], ["pwd"] * 9, MISSING],
        ids=str,
    )
    def test_j18_amr_is_a_short_list_of_short_texts(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], amr: object
    ) -> None:
        assert refusal(signed(ed25519, amr=amr), keys) == "claims"

    @pytest.mark.parametrize("gen", ["7", 7.0, True, None, [7], -1, 2**40 + 1, MISSING], ids=str)
    def test_j18_gen_is_a_whole_number(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], gen: object
    ) -> None:
        assert refusal(signed(ed25519, gen=gen), keys) == "claims"

    def test_a_claim_we_do_not_know_is_ignored(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        assert TOKENS.verify(signed(ed25519, scope="read", x=1.5), keys, NOW) == CLAIMS


class TestTimes:
    @pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
    @pytest.mark.parametrize(
        "literal",
        [
            "NaN",
            "Infinity",
            "-Infinity",
            "1e400",
            "1e9",
            f"{NOW}.0",
            '"123"',
            f'"{NOW}"',
            "true",
            "false",
            "null",
            "[]",
            "{}",
            "-1",
            str(10**30),
            str(2**40 + 1),
            str(2**63),
        ],
    )
    def test_j13_a_time_is_a_whole_number(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], claim: str, literal: str
    ) -> None:
        token = signed(ed25519, payload_with(claim, literal))
        assert refusal(token, keys) in {"json", "claims"}

    @pytest.mark.parametrize("claim", ["exp", "iat"])
    def test_j13_a_missing_time_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], claim: str
    ) -> None:
        assert refusal(signed(ed25519, **{claim: MISSING}), keys) == "claims"

    @pytest.mark.parametrize("at", [NOW, NOW + 1, NOW + 299])
    def test_j14_it_is_valid_from_iat_to_the_last_second_before_exp(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], at: int
    ) -> None:
        assert TOKENS.verify(TOKENS.issue(CLAIMS, ed25519), keys, at) == CLAIMS

    @pytest.mark.parametrize("at", [NOW + 300, NOW + 301, NOW + 10**9])
    def test_j14_it_is_expired_from_exp_on(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], at: int
    ) -> None:
        with pytest.raises(ExpiredToken):
            TOKENS.verify(TOKENS.issue(CLAIMS, ed25519), keys, at)

    @pytest.mark.parametrize("at", [NOW - 1, 0])
    def test_j14_a_token_from_the_future_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], at: int
    ) -> None:
        assert refusal(TOKENS.issue(CLAIMS, ed25519), keys, at) == "not yet valid"

    @pytest.mark.parametrize(("nbf", "is_valid"), [(0, True), (NOW, True), (NOW + 1, False)])
    def test_j14_nbf_is_kept_where_it_stands(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], nbf: int, is_valid: bool
    ) -> None:
        token = signed(ed25519, nbf=nbf)
        if is_valid:
            assert TOKENS.verify(token, keys, NOW) == CLAIMS
        else:
            assert refusal(token, keys) == "not yet valid"
            assert TOKENS.verify(token, keys, NOW + 1) == CLAIMS

    @pytest.mark.parametrize(
        ("lifetime", "is_valid"),
        [(-1, False), (0, False), (1, True), (MAX_LIFETIME, True), (MAX_LIFETIME + 1, False)],
    )
    def test_a_lifetime_is_at_most_15_minutes(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], lifetime: int, is_valid: bool
    ) -> None:
        token = signed(ed25519, exp=NOW + lifetime)
        if is_valid:
            assert TOKENS.verify(token, keys, NOW).exp == NOW + lifetime
        else:
            assert refusal(token, keys) == "claims"

    @pytest.mark.parametrize(
        "changes", [{"aud": "other"}, {"role": ["admin"]}, {"nbf": NOW + 10**6}], ids=str
    )
    def test_only_what_was_genuine_counts_as_expired(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], changes: dict[str, object]
    ) -> None:
        refusal(signed(ed25519, **changes), keys, NOW + 300)

    def test_a_forged_token_is_invalid_and_not_expired(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        thief = SigningKey.generate(Algorithm.EDDSA, ed25519.kid)
        assert refusal(TOKENS.issue(CLAIMS, thief), keys, NOW + 300) == "signature"


class TestTokenText:
    @given(data=st.data())
    @every_algorithm
    def test_j15_no_changed_character_goes_unnoticed(
        self,
        keyring: Keyring,
        keys: Mapping[str, VerifyingKey],
        algorithm: Algorithm,
        data: st.DataObject,
    ) -> None:
        token = TOKENS.issue(CLAIMS, keyring[algorithm])
        at = data.draw(st.integers(0, len(token) - 1))
        character = data.draw(st.one_of(st.characters(), st.sampled_from("ABab01-_+/=. ")))
        if character != token[at]:
            refusal(token[:at] + character + token[at + 1 :], keys)

    def test_j15_the_twin_of_an_ecdsa_signature_tells_the_same_claims(
        self, keyring: Keyring, keys: Mapping[str, VerifyingKey]
    ) -> None:
        # (r, n-s) verifies wherever (r, s) does. So a revoked token is known by `jti` and `sid`,
        # never by its text.
        signing_input, _, signature = TOKENS.issue(CLAIMS, keyring[Algorithm.ES256]).rpartition(".")
        raw = urlsafe_b64decode(signature + "==")
        twin = raw[:32] + (ORDER_OF_P256 - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
        token = f"{signing_input}.{urlsafe_b64encode(twin).rstrip(b'=').decode()}"
        assert TOKENS.verify(token, keys, NOW) == CLAIMS

    @given(text=st.text(st.characters(exclude_categories=[])))
    def test_any_text_is_an_invalid_token(
        self, keys: Mapping[str, VerifyingKey], text: str
    ) -> None:
        refusal(text, keys)

    @given(
        payload=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(list(asdict(CLAIMS))), inner, max_size=10)
            ),
            max_leaves=12,
        )
    )
    def test_any_signed_json_is_an_invalid_token(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], payload: object
    ) -> None:
        refusal(signed(ed25519, json.dumps(payload)), keys)

    @given(
        claim=st.sampled_from([*asdict(CLAIMS), "nbf"]),
        value=st.none()
        | st.booleans()
        | st.floats()
        | st.integers(max_value=-1)
        | st.lists(st.integers(), min_size=1)
        | st.dictionaries(st.text(), st.integers()),
    )
    def test_any_claim_of_another_type_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], claim: str, value: object
    ) -> None:
        assert refusal(signed(ed25519, **{claim: value}), keys) in {"json", "claims"}
