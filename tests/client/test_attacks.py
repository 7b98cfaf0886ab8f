"""The J rows of the attack catalogue, at the guard of another service."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest

from tests.client.conftest import Guarding
from tests.client.lying import ISSUER, KEY, LyingWatchword, answer, claims, key_set, token
from tests.client.service import EXPIRED, INVALID, StoppedTime, Watched
from watchword.crypto.access_tokens import TYPE
from watchword.crypto.keys import Algorithm, SigningKey
from watchword.testing.fakes import START

EVIL = SigningKey.generate(Algorithm.EDDSA, KEY.kid)
EC = SigningKey.generate(Algorithm.ES256, "key-2")


def b64(raw: bytes | str) -> str:
    text = raw.encode() if isinstance(raw, str) else raw
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def payload(**changes: Any) -> dict[str, Any]:
    made = claims(START)
    plain = {name: getattr(made, name) for name in made.__struct_fields__}
    return {**plain, "amr": list(made.amr), **changes}


def signed(header: dict[str, Any], content: str | dict[str, Any], key: SigningKey = KEY) -> str:
    """With whatever header, by that key all the same."""
    text = content if isinstance(content, str) else json.dumps(content)
    head = {"alg": key.algorithm.value, "kid": key.kid, "typ": TYPE, **header}
    signing_input = f"{b64(json.dumps(head))}.{b64(text)}"
    return f"{signing_input}.{b64(key.sign(signing_input.encode()))}"


def with_claims(**changes: Any) -> str:
    return signed({}, payload(**changes))


def without(name: str) -> str:
    return signed({}, {key: value for key, value in payload().items() if key != name})


GOOD = token(START)
HEAD, BODY, SIGNATURE = GOOD.split(".")
TWO_ALGORITHMS = b64('{"alg":"none",' + json.dumps({"alg": "EdDSA", "kid": KEY.kid})[1:])
ODD_TIMES: tuple[Any, ...] = (
    "123", True, None, [], -1, 10**30, 1e3, float("nan"), float("inf"),
)  # fmt: skip
TOKENS: dict[str, str] = {
    **{f"j01 {alg}": f"{b64(json.dumps({'alg': alg, 'kid': 'key-1', 'typ': TYPE}))}.{BODY}."
       for alg in ("none", "None", "nOnE")},
    "j01 an empty signature": f"{HEAD}.{BODY}.",
    "j02 HS256 with the public key": signed({"alg": "HS256"}, payload()),
    "j03 a key in its header": signed({"jwk": EVIL.public_jwk()}, payload(), EVIL),
    **{f"j04 {name}": signed({name: "http://127.0.0.1:9/keys"}, payload(), EVIL)
       for name in ("jku", "x5u", "x5c")},
    **{f"j05 kid {kid!r}": signed({"kid": kid}, payload())
       for kid in ("../../dev/null", "' OR 1=1--", "k" * 10_000, 1, None, ["key-1"], "")},
    **{f"j07 crit {crit!r}": signed({"crit": crit}, payload()) for crit in (["x"], ["b64"], [])},
    "j08 another algorithm than the key's": signed({"alg": "ES256"}, payload()),
    "j08 of a key that is not published": signed({}, payload(), EVIL),
    "j09 a signature of zeros": f"{HEAD}.{BODY}.{b64(bytes(64))}",
    **{f"j10 typ {typ!r}": signed({"typ": typ}, payload())
       for typ in ("JWT", "at+JWT", "application/at+jwt", "logout+jwt", "", None, 1)},
    "j11 another audience": with_claims(aud="https://other.example"),
    "j11 a list with ours in it": with_claims(aud=[ISSUER, "https://other.example"]),
    "j11 another issuer": with_claims(iss="https://evil.example"),
    "j11 an issuer with a slash": with_claims(iss=f"{ISSUER}/"),
    **{f"j11 without {name}": without(name) for name in payload()},
    "j12 two subjects": signed({}, json.dumps(payload())[:-1] + ', "sub": "u-root"}'),
    "j12 two algorithms": f"{TWO_ALGORITHMS}.{BODY}.{SIGNATURE}",
    **{f"j13 exp {exp!r}": with_claims(exp=exp)
       for exp in ODD_TIMES},
    "j13 exp 1e400": signed({}, json.dumps(payload()).replace(f"{START // 1_000 + 300}", "1e400")),
    "j13 a life of an hour": with_claims(exp=START // 1_000 + 3_600),
    "j14 nbf to come": with_claims(nbf=START // 1_000 + 1),
    "j14 iat to come": with_claims(iat=START // 1_000 + 1),
    **{f"j15 {end!r}": f"{GOOD}{end}" for end in ("=", "==", " ", "%0a", ".", "A")},
    "j15 standard base64": GOOD.replace("-", "+").replace("_", "/") + "+",
    "j16 two parts": f"{HEAD}.{BODY}",
    "j16 four parts": f"{GOOD}.x",
    "j16 five parts": f"{GOOD}.x.y",
    "j16 a list": signed({}, "[1]"),
    "j16 not an object": signed({}, '"x"'),
    "j16 JSON serialisation": json.dumps({"protected": HEAD, "payload": BODY}).replace(" ", ""),
    "j16 a byte order mark": signed({}, "\ufeff" + json.dumps(payload())),
    "j17 a megabyte": f"{b64('x' * 1_000_000)}.{BODY}.{SIGNATURE}",
    "j17 nested": signed({}, '{"a":' * 2_000 + "1" + "}" * 2_000),
    "j17 a number of 5000 digits": signed({}, f'{{"exp": {"9" * 5_000}}}'),
    **{f"j18 {name} {value!r}": with_claims(**{name: value})
       for name, value in (("sub", 1), ("sub", ["u"]), ("sub", "\ud800"), ("role", ["admin"]),
                           ("sid", {}), ("gen", "1"), ("gen", True), ("amr", "pwd"))},
    "j19 a JWE": ".".join(["x" * 20] * 5),
}  # fmt: skip


@pytest.fixture
async def service(guarding: Guarding) -> Watched:
    watched: Watched = await guarding(bound=60_000)
    return watched


class TestATokenThatIsNotOurs:
    async def test_j01_to_j19_opens_nothing_and_fetches_nothing(
        self, service: Watched, liar: LyingWatchword
    ) -> None:
        asked = len(liar.asked)
        found = {name: await service.verdict(text) for name, text in TOKENS.items()}
        assert {name: said for name, said in found.items() if said != INVALID} == {}
        assert len(liar.asked) == asked
        assert len(service.guard._tokens) == 0
        assert await service.verdict(GOOD) == (200, None)

    async def test_j02_of_a_shared_secret_that_is_published_opens_nothing(
        self, guarding: Guarding, liar: LyingWatchword
    ) -> None:
        secret = {"kty": "oct", "k": b64("s" * 32), "kid": "key-3", "alg": "HS256"}
        keys = json.loads(key_set(KEY, EC))["keys"]
        liar.keys = answer(json.dumps({"keys": [*keys, secret]}).encode())
        service = await guarding()
        shared = SigningKey.from_bytes(json.dumps({**secret, "use": "sig"}).encode())
        assert await service.verdict(signed({}, payload(), shared)) == INVALID
        assert await service.verdict(signed({}, payload(), EC)) == (200, None)

    @pytest.mark.parametrize("spoil", [str.upper, str.lower, lambda text: text[::-1]])
    async def test_j15_no_other_spelling_of_a_known_token_is_known(
        self, service: Watched, spoil: Callable[[str], str]
    ) -> None:
        assert await service.verdict(GOOD) == (200, None)
        assert await service.verdict(spoil(GOOD)) == INVALID

    async def test_j14_its_end_is_its_end(self, service: Watched, time: StoppedTime) -> None:
        time.wall += 299_999
        assert await service.verdict(GOOD) == (200, None)
        time.wall += 1
        assert await service.verdict(GOOD) == EXPIRED
