"""The keys: fetched when they are needed, by whom they say, and never at a token's bidding."""

import asyncio
import json

import pytest

from tests.client.conftest import Guarding
from tests.client.lying import KEY, LyingWatchword, answer, event, key_set, token
from tests.client.service import ADMITTED, INVALID, UNAVAILABLE, StoppedTime
from watchword.crypto.keys import Algorithm, SigningKey

NEXT = SigningKey.generate(Algorithm.ES256, "key-2")


class TestAKey:
    async def test_that_is_new_is_asked_for(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        service = await guarding(bound=60_000)
        assert await service.verdict(token(time.now())) == ADMITTED
        liar.keys = answer(key_set(KEY, NEXT))
        time.advance(10)
        assert await service.verdict(token(time.now(), key=NEXT)) == ADMITTED
        assert liar.asked_for("/.well-known/jwks.json") == 2

    async def test_that_is_gone_ends_what_it_signed_once_that_is_told(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        service, good = await guarding(), token(time.now())
        assert await service.verdict(good) == ADMITTED
        liar.keys = answer(key_set(NEXT))
        await liar.say(event("keys", "", time.now()))
        await service.hears_of("keys", "")
        assert await service.verdict(good) == INVALID
        assert await service.verdict(token(time.now(), key=NEXT)) == ADMITTED
        asked = [head for head in liar.asked if "jwks" in head]  # and no cache on the way answered
        assert all("cache-control: no-cache\r\n" in head.lower() for head in asked)

    async def test_j06_a_thousand_unknown_kids_are_asked_about_once_in_ten_seconds(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        service = await guarding(bound=60_000)
        unknown = [SigningKey(f"kid-{n}", NEXT.algorithm, NEXT._jose) for n in range(1_000)]
        tokens = [token(time.now(), key=key) for key in unknown]
        time.advance(10)
        found = {await service.verdict(text) for text in tokens}
        assert found == {INVALID}
        assert liar.asked_for("/.well-known/jwks.json") == 2

    @pytest.mark.parametrize(
        "jwk",
        [
            {"kty": "oct", "k": "AAAA", "alg": "HS256", "kid": "key-2"},
            {**(NEXT.public_jwk() or {}), "alg": "none"},
            {**(NEXT.public_jwk() or {}), "use": "enc"},
            {**(NEXT.public_jwk() or {}), "kid": "../../dev/null"},
            {"kid": "key-2"},
            "key-2",
            None,
        ],
    )
    async def test_j01_j02_that_cannot_be_one_is_passed_over(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime, jwk: object
    ) -> None:
        liar.keys = answer(json.dumps({"keys": [jwk, KEY.public_jwk()]}).encode())
        service = await guarding()
        assert await service.verdict(token(time.now())) == ADMITTED
        assert await service.verdict(token(time.now(), key=NEXT)) == INVALID


class TestAKeySet:
    @pytest.mark.parametrize(
        "keys",
        [
            None,
            answer(b"x" * 100_000),
            b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000,
            answer(b"[]"),
            answer(b"{}"),
            answer(b'{"keys": {}}'),
            answer(json.dumps({"keys": [{}] * 65}).encode()),
            answer(key_set(KEY, KEY)),
            answer(b'{"keys": [], "keys": []}'),
            answer(b"", "302 Found", "location: http://127.0.0.1:9/"),
            answer(b"", "500 Internal Server Error"),
            answer(key_set(KEY), "200 OK", "content-encoding: gzip"),
            b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{",
            b"",
        ],
    )
    async def test_that_lies_is_slow_or_huge_lets_nobody_in(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime, keys: bytes | None
    ) -> None:
        liar.keys = keys
        service = await guarding(starts=False, bound=500)
        answers = await asyncio.gather(*(service.verdict(token(time.now())) for _ in range(20)))
        assert set(answers) == {UNAVAILABLE}
        assert liar.asked_for("/auth/revocations") == 0
        assert 0 < liar.asked_for("/.well-known/jwks.json") < 20
