"""The reader of tokens accepts one spelling under one key, and refuses anything else."""

import ast
import json
import tracemalloc
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwa import ESAlgorithm, HMACAlgorithm, RSAPSSAlgorithm
from joserfc.jwk import ECKey, OctKey

from tests.crypto.conftest import Keyring
from watchword import crypto
from watchword.crypto import jws
from watchword.crypto.jws import InvalidToken
from watchword.crypto.keys import Algorithm, SigningKey, VerifyingKey

PAYLOAD = b'{"sub":"ann"}'
ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

every_algorithm = pytest.mark.parametrize("algorithm", list(Algorithm), ids=str)


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: str | bytes, key: SigningKey, payload: bytes = PAYLOAD) -> str:
    """Sign a header exactly as written, as somebody with the key and bad habits would."""
    text = header if isinstance(header, bytes) else header.encode("utf-8", "surrogatepass")
    signing_input = f"{b64(text)}.{b64(payload)}"
    return f"{signing_input}.{b64(key.sign(signing_input.encode()))}"


def header_of(key: SigningKey, **members: object) -> str:
    return json.dumps({"alg": key.algorithm.value, "kid": key.kid, **members})


def refusal(token: str, keys: Mapping[str, VerifyingKey]) -> str:
    with pytest.raises(InvalidToken) as refused:
        jws.verify(token, keys)
    return refused.value.reason


class Asked(dict[str, VerifyingKey]):
    """A key ring that remembers what it was asked for."""

    def __init__(self, keys: Mapping[str, VerifyingKey]) -> None:
        super().__init__(keys)
        self.kids: list[str] = []

    def get(self, kid: str, default: object = None) -> VerifyingKey | None:  # type: ignore[override]
        self.kids.append(kid)
        return super().get(kid)


class TestGenuineTokens:
    @every_algorithm
    def test_what_was_signed_is_read_back(
        self, keyring: Keyring, keys: Mapping[str, VerifyingKey], algorithm: Algorithm
    ) -> None:
        token = jws.encode({"typ": "x"}, PAYLOAD, keyring[algorithm])
        read = jws.verify(token, keys)
        assert read.payload == PAYLOAD
        assert read.header == {"typ": "x", "alg": algorithm.value, "kid": f"{algorithm}-1"}

    @given(payload=st.binary(min_size=1, max_size=500))
    def test_any_payload_comes_back(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], payload: bytes
    ) -> None:
        assert jws.verify(jws.encode({}, payload, ed25519), keys).payload == payload

    def test_the_key_names_itself_whatever_the_caller_writes(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        token = jws.encode({"alg": "none", "kid": "other"}, PAYLOAD, ed25519)
        assert jws.verify(token, keys).header == {"alg": "EdDSA", "kid": ed25519.kid}

    def test_the_signature_of_rfc_8037_is_accepted(self) -> None:
        # RFC 8037 A.4: the key and the signature; its token has no kid, which ours must have.
        key = VerifyingKey.from_jwk(
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "kid": "rfc8037",
                "alg": "EdDSA",
            }
        )
        token = (
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
            ".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        )
        signing_input, _, signature = token.rpartition(".")
        key.verify(signing_input.encode(), jws._decode(signature))
        assert refusal(token, {key.kid: key}) == "kid"

    def test_a_longer_token_is_read_where_the_caller_allows_it(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        token = jws.encode({}, b"x" * jws.MAX_LENGTH, ed25519)
        assert refusal(token, keys) == "length"
        assert len(jws.verify(token, keys, max_length=len(token)).payload) == jws.MAX_LENGTH


class TestAlgorithms:
    @pytest.mark.parametrize("alg", ["none", "None", "nOnE", "NONE", "", None])
    @pytest.mark.parametrize("signature", ["", "AA", "genuine"])
    def test_j01_alg_none_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], alg: object, signature: str
    ) -> None:
        token = signed(header_of(ed25519, alg=alg), ed25519)
        if signature != "genuine":
            token = token.rpartition(".")[0] + "." + signature
        assert refusal(token, keys) in {"structure", "algorithm"}

    @pytest.mark.parametrize("algorithm", [Algorithm.EDDSA, Algorithm.ES256, Algorithm.RS256])
    def test_j02_a_public_key_is_no_hmac_secret(
        self, keyring: Keyring, keys: Mapping[str, VerifyingKey], algorithm: Algorithm
    ) -> None:
        key = keyring[algorithm]
        for secret in spellings_of_the_public_key(key):
            header = b64(header_of(key, alg="HS256").encode())
            signing_input = f"{header}.{b64(PAYLOAD)}"
            mac = HMACAlgorithm(256).sign(signing_input.encode(), OctKey(secret, secret))
            assert refusal(f"{signing_input}.{b64(mac)}", keys) == "algorithm"

    def test_j03_an_embedded_key_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        thief = SigningKey.generate(Algorithm.EDDSA, ed25519.kid)
        token = signed(header_of(thief, jwk=thief.public_jwk()), thief)
        assert refusal(token, keys) == "header"

    @pytest.mark.parametrize("member", ["jku", "x5u", "x5c", "jwk"])
    def test_j04_a_key_by_url_or_certificate_is_refused_even_when_we_signed_it(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], member: str
    ) -> None:
        url = "http://127.0.0.1:9/jwks.json"
        assert refusal(signed(header_of(ed25519, **{member: url}), ed25519), keys) == "header"
        assert refusal(signed(header_of(ed25519, **{member: None}), ed25519), keys) == "header"

    def test_j04_nothing_here_could_fetch_a_key(self) -> None:
        fetchers = {"socket", "ssl", "http", "urllib", "asyncio", "httpx2", "subprocess"}
        imported = {
            name.partition(".")[0]
            for path in crypto.__path__
            for source in Path(path).glob("*.py")
            for name in imports_of(source.read_text("utf-8"))
            if name != "urllib.parse"  # which writes and reads URLs, and opens none
        }
        assert "joserfc" in imported
        assert imported.isdisjoint(fetchers)

    @pytest.mark.parametrize(
        "alg", ["PS256", "ES384", "eddsa", "EDDSA", "Ed25519", "EdDSA ", ["EdDSA"], 1, True, {}]
    )
    @every_algorithm
    def test_j08_the_header_may_only_repeat_the_keys_algorithm(
        self,
        keyring: Keyring,
        keys: Mapping[str, VerifyingKey],
        algorithm: Algorithm,
        alg: object,
    ) -> None:
        key = keyring[algorithm]
        assert refusal(signed(header_of(key, alg=alg), key), keys) == "algorithm"

    @every_algorithm
    def test_j08_one_key_does_not_serve_another_algorithm(
        self, keyring: Keyring, keys: Mapping[str, VerifyingKey], algorithm: Algorithm
    ) -> None:
        key = keyring[algorithm]
        for other in set(Algorithm) - {algorithm}:
            assert refusal(signed(header_of(key, alg=other.value), key), keys) == "algorithm"
            assert refusal(signed(header_of(key), keyring[other]), keys) == "signature"

    def test_j08_a_pss_signature_by_the_rs256_key_is_refused(
        self, keyring: Keyring, keys: Mapping[str, VerifyingKey]
    ) -> None:
        key = keyring[Algorithm.RS256]
        for alg, reason in (("PS256", "algorithm"), ("RS256", "signature")):
            signing_input = f"{b64(header_of(key, alg=alg).encode())}.{b64(PAYLOAD)}"
            pss = RSAPSSAlgorithm(256).sign(signing_input.encode(), key._jose)  # type: ignore[arg-type]
            assert refusal(f"{signing_input}.{b64(pss)}", keys) == reason

    def test_j08_an_es384_token_is_refused_by_the_p_256_key(
        self, keyring: Keyring, keys: Mapping[str, VerifyingKey]
    ) -> None:
        key = keyring[Algorithm.ES256]
        other = ECKey.import_key(generate_ec(SECP384R1()))
        signing_input = f"{b64(header_of(key, alg='ES384').encode())}.{b64(PAYLOAD)}"
        signature = ESAlgorithm("ES384", "P-384", 384).sign(signing_input.encode(), other)
        assert refusal(f"{signing_input}.{b64(signature)}", keys) == "algorithm"


class TestEcdsaSignatures:
    @pytest.mark.parametrize("r", [0, 1, ORDER_OF_P256 - 1, ORDER_OF_P256, 2**256 - 1])
    @pytest.mark.parametrize("s", [0, 1, ORDER_OF_P256 - 1, ORDER_OF_P256, 2**256 - 1])
    def test_j09_a_signature_of_special_numbers_is_refused(
        self, keyring: Keyring, keys: Mapping[str, VerifyingKey], r: int, s: int
    ) -> None:
        signing_input = signed(header_of(keyring[Algorithm.ES256]), keyring[Algorithm.ES256])
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        token = f"{signing_input.rpartition('.')[0]}.{b64(signature)}"
        assert refusal(token, keys) == "signature"

    def test_j09_a_longer_or_der_spelling_of_a_genuine_signature_is_refused(
        self, keyring: Keyring, keys: Mapping[str, VerifyingKey]
    ) -> None:
        key = keyring[Algorithm.ES256]
        signing_input = f"{b64(header_of(key).encode())}.{b64(PAYLOAD)}"
        raw = key.sign(signing_input.encode())
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        spellings = [
            encode_dss_signature(r, s),
            raw + b"\0",
            b"\0" + raw,
            raw[:32] + b"\0" + raw[32:],
            b"\0" + raw[:32] + b"\0" + raw[32:],
            (r + ORDER_OF_P256).to_bytes(33, "big") + raw[32:],
        ]
        assert jws.verify(f"{signing_input}.{b64(raw)}", keys).payload == PAYLOAD
        for spelling in spellings:
            assert refusal(f"{signing_input}.{b64(spelling)}", keys) == "signature"

    def test_the_length_of_a_signature_never_varies(self, keyring: Keyring) -> None:
        # One in 256 has a leading zero, which a careless encoder would drop.
        key = keyring[Algorithm.ES256]
        assert {len(key.sign(b"%d" % number)) for number in range(600)} == {64}


class TestKeyIdentifiers:
    @pytest.mark.parametrize(
        "kid",
        [
            "../../dev/null",
            "' OR 1=1--",
            "k" * 65,
            "",
            "a b",
            "EdDSA-1\n",
            "EdDSA-1\0",
            "ＥdDSA-1",  # noqa: RUF001  a full-width letter
            "\ud800",
            1,
            1.5,
            True,
            None,
            [],
            ["EdDSA-1"],
            {"EdDSA-1": 1},
        ],
        ids=ascii,
    )
    def test_j05_an_unsafe_kid_is_refused_before_it_is_looked_up(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], kid: object
    ) -> None:
        asked = Asked(keys)
        assert refusal(signed(header_of(ed25519, kid=kid), ed25519), asked) == "kid"
        assert asked.kids == []

    def test_j05_a_kid_of_10_kb_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        assert refusal(signed(header_of(ed25519, kid="k" * 10_000), ed25519), keys) == "length"
        assert refusal(signed(header_of(ed25519, kid="k" * 5_000), ed25519), keys) == "kid"

    def test_j05_a_token_without_kid_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        assert refusal(signed('{"alg":"EdDSA"}', ed25519), keys) == "kid"

    def test_j05_the_kid_of_a_retired_key_is_unknown(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        token = jws.encode({}, PAYLOAD, ed25519)
        remaining = {kid: key for kid, key in keys.items() if kid != ed25519.kid}
        assert refusal(token, remaining) == "unknown key"

    def test_j05_a_kid_is_no_proof(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        thief = SigningKey.generate(Algorithm.EDDSA, ed25519.kid)
        assert refusal(jws.encode({}, PAYLOAD, thief), keys) == "signature"

    def test_j06_a_flood_of_unknown_kids_costs_one_lookup_each(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        asked = Asked(keys)
        for number in range(1000):
            token = signed(header_of(ed25519, kid=f"k{number}"), ed25519)
            assert refusal(token, asked) == "unknown key"
        assert len(asked.kids) == 1000


class TestHeaders:
    @pytest.mark.parametrize(
        "members",
        [
            {"crit": ["x"], "x": 1},
            {"crit": ["b64"], "b64": False},
            {"crit": []},
            {"crit": None},
            {"crit": ["exp"]},
            {"b64": True},
            {"b64": False},
        ],
        ids=json.dumps,
    )
    def test_j07_any_critical_extension_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], members: dict[str, object]
    ) -> None:
        assert refusal(signed(header_of(ed25519, **members), ed25519), keys) == "header"

    @pytest.mark.parametrize(
        "header",
        [
            '{"alg":"EdDSA","kid":"EdDSA-1","alg":"EdDSA"}',
            '{"alg":"none","kid":"EdDSA-1","alg":"EdDSA"}',
            '{"alg":"EdDSA","kid":"other","kid":"EdDSA-1"}',
            '{"alg":"EdDSA","kid":"EdDSA-1","\\u0061lg":"EdDSA"}',
            '{"alg":"EdDSA","kid":"EdDSA-1","x":[{"y":{"z":1,"z":1}}]}',
        ],
    )
    def test_j12_a_name_that_occurs_twice_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], header: str
    ) -> None:
        assert refusal(signed(header, ed25519), keys) == "json"

    @pytest.mark.parametrize(
        "header",
        [
            b"[1]",
            b'"EdDSA"',
            b"null",
            b"1",
            b"{",
            b"{} {}",
            b"{'alg':'EdDSA'}",
            b'\xef\xbb\xbf{"alg":"EdDSA","kid":"EdDSA-1"}',
            '{"alg":"EdDSA","kid":"EdDSA-1"}'.encode("utf-16"),
            b'{"alg":"EdDSA","kid":"EdDSA-1","x":"\xff"}',
            b'{"alg":"EdDSA","kid":"EdDSA-1","x":"\n"}',
            b'{"alg":"EdDSA","kid":"EdDSA-1","x":NaN}',
            b'{"alg":"EdDSA","kid":"EdDSA-1","x":-Infinity}',
            b'{"alg":"EdDSA","kid":"EdDSA-1","x":1e400}',
        ],
    )
    def test_j16_a_header_is_a_json_object_in_utf_8(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], header: bytes
    ) -> None:
        assert refusal(signed(header, ed25519), keys) == "json"

    @pytest.mark.parametrize(
        "value",
        [
            "[" * 5_000,
            "[" * 2_500 + "]" * 2_500,
            '{"a":' * 900 + "1" + "}" * 900,
            "[" * 16 + "]" * 16,
            "9" * 5_000,
        ],
        ids=["open arrays", "arrays", "objects", "one level too deep", "integer"],
    )
    def test_j17_a_deep_or_huge_header_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey], value: str
    ) -> None:
        header = f'{{"alg":"EdDSA","kid":"EdDSA-1","x":{value}}}'
        assert refusal(signed(header, ed25519), keys) == "json"

    def test_j17_a_header_of_16_levels_is_read(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        header = header_of(ed25519, x="@").replace('"@"', "[" * 15 + "]" * 15)
        assert jws.verify(signed(header, ed25519), keys).payload == PAYLOAD


class TestSpelling:
    @pytest.mark.parametrize("algorithm", list(Algorithm), ids=str)
    def test_j15_no_second_spelling_of_a_genuine_token_is_read(
        self, keyring: Keyring, keys: Mapping[str, VerifyingKey], algorithm: Algorithm
    ) -> None:
        payload = b'{"sub":"ann?>~"}'  # its base64url holds a "_"
        token = jws.encode({}, payload, keyring[algorithm])
        assert jws.verify(token, keys).payload == payload
        for spelling in spellings_of(token):
            assert refusal(spelling, keys) in {"encoding", "structure"}

    @pytest.mark.parametrize("algorithm", list(Algorithm), ids=str)
    def test_j15_changed_spare_bits_are_refused_in_every_part(
        self, keyring: Keyring, keys: Mapping[str, VerifyingKey], algorithm: Algorithm
    ) -> None:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        token = jws.encode({"t": "x"}, b"12", keyring[algorithm])
        parts = token.split(".")
        with_spare_bits = [at for at, part in enumerate(parts) if len(part) % 4]
        assert with_spare_bits
        for at in with_spare_bits:
            last = alphabet.index(parts[at][-1])
            changed = [*parts]
            changed[at] = parts[at][:-1] + alphabet[last ^ 1]
            assert refusal(".".join(changed), keys) == "encoding"

    def test_j16_only_three_full_parts_make_a_token(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        header, payload, signature = jws.encode({}, PAYLOAD, ed25519).split(".")
        for parts in (
            [],
            [header],
            [header, payload],
            [header, payload, signature, signature],
            [header, payload, signature, "", ""],
            ["", payload, signature],
            [header, payload, ""],
            ["", "", ""],
        ):
            assert refusal(".".join(parts), keys) == "structure"

    def test_j16_the_json_serialisation_is_refused(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        header, payload, signature = jws.encode({}, PAYLOAD, ed25519).split(".")
        flattened = {"protected": header, "payload": payload, "signature": signature}
        assert refusal(json.dumps(flattened), keys) == "structure"

    def test_j17_a_token_of_a_megabyte_is_dropped_unread(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        token = signed(header_of(ed25519, x="x" * 2**20), ed25519)
        tracemalloc.start()
        try:
            assert refusal(token, keys) == "length"
            assert tracemalloc.get_traced_memory()[1] < 20_000
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize(
        "header",
        [
            {"alg": "dir", "enc": "A256GCM", "zip": "DEF"},
            {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31 - 1, "p2s": "AAAA"},
        ],
        ids=["zip bomb", "giant p2c"],
    )
    def test_j19_an_encrypted_token_is_refused_unparsed(
        self, keys: Mapping[str, VerifyingKey], header: dict[str, object]
    ) -> None:
        asked = Asked(keys)
        token = ".".join([b64(json.dumps(header | {"kid": "EdDSA-1"}).encode()), *("AAAA",) * 4])
        assert refusal(token, asked) == "structure"
        assert asked.kids == []


class TestArbitraryText:
    @given(data=st.data())
    @every_algorithm
    def test_no_changed_character_goes_unnoticed(
        self,
        keyring: Keyring,
        keys: Mapping[str, VerifyingKey],
        algorithm: Algorithm,
        data: st.DataObject,
    ) -> None:
        token = jws.encode({"typ": "x"}, PAYLOAD, keyring[algorithm])
        at = data.draw(st.integers(0, len(token) - 1))
        character = data.draw(
            st.one_of(st.characters(), st.sampled_from("ABab01-_+/=. "), st.just(""))
        )
        changed = token[:at] + character + token[at + 1 :]
        if changed != token:
            refusal(changed, keys)

    @given(text=st.text(st.characters(exclude_categories=[])))
    def test_any_text_is_an_invalid_token(
        self, keys: Mapping[str, VerifyingKey], text: str
    ) -> None:
        refusal(text, keys)

    @given(
        parts=st.lists(st.binary(min_size=1, max_size=64).map(b64), min_size=3, max_size=3),
        kid=st.sampled_from(["EdDSA-1", "ES256-1", "RS256-1", "HS256-1"]),
    )
    def test_any_well_formed_token_of_random_bytes_is_invalid(
        self, keys: Mapping[str, VerifyingKey], parts: list[str], kid: str
    ) -> None:
        refusal(".".join(parts), keys)
        header = json.dumps({"alg": kid.removesuffix("-1"), "kid": kid}).encode()
        assert refusal(".".join([b64(header), *parts[1:]]), keys) == "signature"

    def test_a_refusal_tells_no_part_of_the_token(
        self, ed25519: SigningKey, keys: Mapping[str, VerifyingKey]
    ) -> None:
        token = signed('{"hunter2":1,"hunter2":2}', ed25519)
        with pytest.raises(InvalidToken) as refused:
            jws.verify(token, keys)
        assert str(refused.value) == refused.value.reason == "json"
        assert refused.value.__suppress_context__


def spellings_of(token: str) -> Iterator[str]:
    """Write the same token as lenient decoders would still read it."""
    header, payload, signature = token.split(".")
    yield from (token + "=", token + "==", token + " ", token + "\n", token + "\0", " " + token)
    yield from (f"{header}=.{payload}.{signature}", f"{header}.{payload}=.{signature}")
    yield from (f"{header} .{payload}.{signature}", f"{header}.\n{payload}.{signature}")
    yield f"{header}.{payload[:4]} {payload[4:]}.{signature}"
    yield f"{header}.{payload[:4]}?{payload[4:]}.{signature}"
    yield f"\ufeff{token}"
    yield f"{header}.{payload}.{signature[:8]}\u2028{signature[8:]}"
    other = token.replace("-", "+").replace("_", "/")
    assert other != token
    yield other


def spellings_of_the_public_key(key: SigningKey) -> Iterator[bytes]:
    public = key.verifying_key._jose.public_key
    assert not isinstance(public, bytes)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield from (pem, pem.strip())
    yield public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    yield json.dumps(key.public_jwk()).encode()
    yield json.dumps(key.public_jwk(), separators=(",", ":")).encode()


def imports_of(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
