"""The guard against a Watchword that keeps still, is late, or lies."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.client.conftest import Guarding
from tests.client.lying import EVENTS, HELLO, ISSUER, LyingWatchword, beat, claims, event, token
from tests.client.service import (
    ADMITTED,
    EXPIRED,
    INVALID,
    REVOKED,
    TOKEN,
    UNAVAILABLE,
    StoppedTime,
    verdict,
)
from watchword.client.guard import Guard, Options


class TestAGoodToken:
    async def test_lets_in_and_tells_the_service_who_is_asking(
        self, guarding: Guarding, time: StoppedTime
    ) -> None:
        service = await guarding()
        said = (await service.ask(token(time.now(), role="editor"))).json()
        expected = claims(time.now(), role="editor")
        assert (said["sub"], said["sid"], said["role"]) == ("u-ada", "s-1", "editor")
        assert (said["amr"], said["exp"]) == (["pwd"], expected.exp)

    async def test_is_asked_about_once_and_then_costs_no_turn_of_the_loop(
        self, guarding: Guarding, time: StoppedTime, liar: LyingWatchword
    ) -> None:
        service = await guarding()
        good = token(time.now())
        assert await service.verdict(good) == ADMITTED
        asked = len(liar.asked)
        sent: list[Mapping[str, Any]] = []

        async def receive() -> Mapping[str, Any]:
            raise AssertionError("nothing is read")

        async def send(message: Mapping[str, Any]) -> None:
            sent.append(message)

        headers = [(b"authorization", f"Bearer {good}".encode())]
        for _ in range(1_000):
            call = service.guard(
                {"type": "http", "method": "GET", "headers": headers}, receive, send
            )
            with pytest.raises(StopIteration):
                call.send(None)
        assert [message.get("status") for message in sent[::2]] == [200] * 1_000
        assert len(liar.asked) == asked

    @pytest.mark.parametrize(
        ("seconds", "expected"), [(-1, INVALID), (0, ADMITTED), (299, ADMITTED), (300, EXPIRED)]
    )
    async def test_j14_is_good_from_its_first_second_to_the_one_before_its_end(
        self, guarding: Guarding, time: StoppedTime, seconds: int, expected: tuple[int, str]
    ) -> None:
        service = await guarding()
        good = token(time.now())
        time.wall += seconds * 1_000
        assert await service.verdict(good) == expected
        assert await service.verdict(good) == expected

    async def test_that_is_known_already_expires_all_the_same(
        self, guarding: Guarding, time: StoppedTime
    ) -> None:
        service = await guarding()
        good = token(time.now())
        assert await service.verdict(good) == ADMITTED
        time.wall += 300_000
        assert await service.verdict(good) == EXPIRED

    async def test_no_more_of_them_are_kept_than_there_is_room_for(
        self, guarding: Guarding, time: StoppedTime
    ) -> None:
        service = await guarding(tokens=5)
        for number in range(20):
            assert await service.verdict(token(time.now(), jti=f"{number}")) == ADMITTED
        assert len(service.guard._tokens) == 5


class TestWrongCredentials:
    @pytest.mark.parametrize(
        ("headers", "status", "code"),
        [
            ([], 401, "TOKEN_MISSING"),
            ([("authorization", "")], 401, "TOKEN_INVALID"),
            ([("authorization", "Bearer")], 401, "TOKEN_INVALID"),
            ([("authorization", "Bearer  {good}")], 401, "TOKEN_INVALID"),
            ([("authorization", "Basic {good}")], 401, "TOKEN_INVALID"),
            ([("authorization", "{good}")], 401, "TOKEN_INVALID"),
            ([("authorization", "Bearer {good} ")], 401, "TOKEN_INVALID"),
            ([("authorization", "Bearer {good}x")], 401, "TOKEN_INVALID"),
            ([("authorization", f"Bearer {TOKEN}")], 401, "TOKEN_INVALID"),
            ([("authorization", "Bearer {good}"), ("authorization", "x")], 400, "MALFORMED"),
            ([("cookie", "session={good}; access_token={good}")], 401, "TOKEN_MISSING"),
            ([("x-authorization", "Bearer {good}")], 401, "TOKEN_MISSING"),
            ([("authorization", "bearer {good}")], 200, None),
        ],
    )
    async def test_j20_there_is_one_place_for_a_token_and_one_spelling(
        self, guarding: Guarding, time: StoppedTime, headers: Any, status: int, code: str | None
    ) -> None:
        service, good = await guarding(), token(time.now())
        filled = [(name, value.replace("{good}", good)) for name, value in headers]
        answer = await service.client.get(f"/?access_token={good}", headers=filled)
        assert verdict(answer) == (status, code)

    async def test_a_refusal_has_the_shape_of_all_refusals(self, guarding: Guarding) -> None:
        service = await guarding()
        answer = await service.ask("garbage")
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["www-authenticate"].startswith('Bearer realm="watchword", error=')
        assert problem["type"] == f"{ISSUER}/docs#token-invalid"
        assert problem["message"] == problem["detail"]
        assert problem["status"] == 401
        missing = await service.ask(None)
        assert missing.headers["www-authenticate"] == 'Bearer realm="watchword"'

    async def test_a_web_socket_is_not_opened(self, guarding: Guarding) -> None:
        service = await guarding()
        sent: list[Mapping[str, Any]] = []

        async def receive() -> Mapping[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Mapping[str, Any]) -> None:
            sent.append(message)

        await service.guard({"type": "websocket", "headers": []}, receive, send)
        assert sent == [{"type": "websocket.close", "code": 1008}]

    async def test_what_it_cannot_look_at_does_not_get_past_it(self, guarding: Guarding) -> None:
        service, said = await guarding(), "no connection that the guard can look at"
        for kind in ("webtransport", "HTTP", ""):
            with pytest.raises(ValueError, match=said):
                await service.guard({"type": kind, "headers": []}, None, None)

    async def test_what_is_public_is_let_through_without_a_caller(self, guarding: Guarding) -> None:
        service = await guarding(is_public=lambda scope: scope["path"] == "/health")
        open_one = await service.ask("garbage", "/health")
        assert (open_one.status_code, open_one.json()) == (200, None)
        assert (await service.ask("garbage", "/health/x")).status_code == 401


class TestARevocation:
    async def test_of_a_session_ends_all_its_tokens_and_no_others(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        service = await guarding()
        here, later = token(time.now()), token(time.now(), iat=time.now() // 1_000 + 5)
        there = token(time.now(), sid="s-2")
        assert await service.verdict(here) == ADMITTED
        await liar.say(event("session", "s-1", time.now()))
        await service.hears_of("session", "s-1")
        time.advance(0.9)
        assert await service.verdict(here) == REVOKED
        assert await service.verdict(there) == ADMITTED
        time.wall += 5_000
        assert await service.verdict(later) == REVOKED

    async def test_of_earlier_proofs_leaves_the_session_to_later_ones(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        service = await guarding()
        await liar.say(event("session", "s-1", time.now(), gen=3))
        await service.hears_of("session", "s-1")
        found = [await service.verdict(token(time.now(), gen=gen)) for gen in (1, 2, 3, 4)]
        assert found == [EXPIRED, EXPIRED, ADMITTED, ADMITTED]
        await liar.say(event("session", "s-1", time.now()) + event("session", "s-1", 0, gen=1))
        await service.until(lambda: len(service.revocations) == 3)
        assert await service.verdict(token(time.now(), gen=4)) == REVOKED

    async def test_a03_of_a_user_ends_what_may_know_nothing_of_it(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        """A token knows its second only, and a node that gives it out may hear of a change up to a
        second later than another one has made it: there lies a token with the former role.
        """
        service = await guarding()
        second = time.now() // 1_000
        tokens = {after: token(time.now(), iat=second + after) for after in (-1, 0, 1, 2)}
        await liar.say(event("user", "u-ada", time.now() + 400))
        await service.hears_of("user", "u-ada")
        time.wall += 2_000
        found = {after: await service.ask(text) for after, text in tokens.items()}
        assert [verdict(answer) for answer in found.values()] == [EXPIRED] * 3 + [ADMITTED]
        assert found[0].headers["retry-after"] == found[1].headers["retry-after"] == "2"
        assert "retry-after" not in found[-1].headers
        assert await service.verdict(token(time.now(), sub="u-bob")) == ADMITTED

    async def test_heard_twice_or_of_another_kind_does_no_harm(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        service = await guarding()
        words = event("planet", "s-1", time.now()) + event("session", "s-9", time.now()) * 2
        await liar.say(words)
        await service.until(lambda: len(service.revocations) == 3)
        assert await service.verdict(token(time.now())) == ADMITTED
        assert len(service.guard._revoked) == 1

    async def test_is_remembered_as_long_as_a_token_can_live(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        service = await guarding()
        await liar.say(event("session", "s-1", time.now()))
        await service.hears_of("session", "s-1")
        time.steady += 15 * 60
        time.wall += 14 * 60_000
        old = token(time.now(), iat=time.now() // 1_000 - 840, exp=time.now() // 1_000 + 60)
        await liar.say(beat(15 * 60_000) + event("session", "s-2", time.now()))
        await service.hears_of("session", "s-2")
        assert await service.verdict(old) == REVOKED
        time.steady += 61
        await liar.say(event("session", "s-3", time.now()))
        await service.hears_of("session", "s-3")
        assert len(service.guard._revoked) == 2

    async def test_of_100_000_sessions_takes_a_bounded_memory_and_forgets_to_the_safe_side(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        service = await guarding(revoked=1_000)
        first = token(time.now(), sid="r-0")
        bystander = token(time.now())
        for start in range(0, 100_000, 5_000):
            some = range(start, start + 5_000)
            at = time.now() + start // 100
            await liar.say(b"".join(event("session", f"r-{n}", at, seq=n + 1) for n in some))
        await service.hears_of("session", "r-99999")
        assert len(service.guard._revoked) == 1_000
        assert await service.verdict(first) == EXPIRED
        assert await service.verdict(bystander) == EXPIRED
        time.wall += 3_000
        assert await service.verdict(token(time.now())) == ADMITTED
        assert await service.verdict(token(time.now(), sid="r-99999")) == REVOKED


class TestTheLease:
    async def test_ends_a_second_after_the_last_word_and_begins_with_the_next(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        service, good = await guarding(), token(time.now())
        time.advance(0.999)
        assert await service.verdict(good) == ADMITTED
        time.advance(0.001)
        answer = await service.ask(good)
        assert verdict(answer) == UNAVAILABLE
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["type"] == f"{ISSUER}/docs#unavailable"
        await liar.say(beat(1_000))
        await service.hears_a_beat()
        assert await service.verdict(good) == ADMITTED

    async def test_is_not_prolonged_by_words_that_were_said_long_ago(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        """As to a process that was stopped: what it reads then lay in a buffer meanwhile."""
        service, good = await guarding(), token(time.now())
        assert await service.verdict(good) == ADMITTED
        time.advance(10)
        for at in (250, 500, 9_000):
            await liar.say(beat(at))
            await service.until(lambda at=at: service.beats[-1] == 1_000 + at / 1_000)
            assert await service.verdict(good) == UNAVAILABLE
        await liar.say(beat(9_500))
        await service.until(lambda: service.beats[-1] == 1_009.5)
        assert await service.verdict(good) == ADMITTED

    async def test_x07_is_not_prolonged_by_words_of_what_is_still_to_come(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        """Once Watchword is cut off, a minute that its clock leapt would be a minute of trust."""
        service, good = await guarding(), token(time.now())
        await liar.say(beat(60_000))
        await service.hears_a_beat()
        assert await service.verdict(good) == ADMITTED
        time.advance(1)
        assert await service.verdict(good) == UNAVAILABLE

    async def test_is_not_prolonged_by_events_or_other_comments(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        service, good = await guarding(), token(time.now())
        time.advance(1)
        await liar.say(b": still here\n\n" + event("session", "s-9", time.now()))
        await service.hears_of("session", "s-9")
        assert await service.verdict(good) == UNAVAILABLE

    async def test_may_be_longer_or_not_needed_if_the_service_says_so(
        self, guarding: Guarding, time: StoppedTime
    ) -> None:
        patient, alone = await guarding(bound=5_000), await guarding(goes_on_alone=True)
        good = token(time.now())
        time.advance(4.9)
        assert await patient.verdict(good) == ADMITTED
        time.advance(0.1)
        assert await patient.verdict(good) == UNAVAILABLE
        assert await alone.verdict(good) == ADMITTED
        time.advance(295)
        assert await alone.verdict(good) == EXPIRED

    async def test_garbage_and_nothing_are_refused_without_it(
        self, guarding: Guarding, time: StoppedTime
    ) -> None:
        service = await guarding()
        time.advance(2)
        assert await service.verdict("garbage") == INVALID
        assert await service.verdict(None) == (401, "TOKEN_MISSING")


class TestTheStream:
    async def test_is_asked_for_with_the_token_and_taken_up_where_it_was_cut(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        service = await guarding()
        await liar.say(event("session", "s-1", time.now(), seq=41))
        await service.hears_of("session", "s-1")
        await liar.cut()
        await service.hears_a_beat()
        first, second = (head.lower() for head in liar.asked if "/auth/revocations" in head)
        assert f"authorization: bearer {TOKEN}" in first
        assert "last-event-id" not in first
        assert "last-event-id: 41\r\n" in second
        assert await service.verdict(token(time.now())) == REVOKED

    async def test_starts_with_the_first_request_where_the_host_has_no_lifespan(
        self, guarding: Guarding, time: StoppedTime
    ) -> None:
        service = await guarding(starts=False)
        assert await service.verdict(token(time.now())) == ADMITTED
        assert service.beats

    async def test_starts_and_ends_with_the_lifespan_of_the_service(
        self, guarding: Guarding, liar: LyingWatchword
    ) -> None:
        service = await guarding(starts=False)
        events: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            events.append((await receive())["type"])
            await service.until(lambda: bool(service.beats))
            events.append((await receive())["type"])

        service.guard._app = app
        messages = iter(({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))

        async def receive() -> dict[str, str]:
            return next(messages)

        async def send(_: Any) -> None:
            """Nobody listens."""

        await service.guard({"type": "lifespan"}, receive, send)
        assert events == ["lifespan.startup", "lifespan.shutdown"]
        assert not service.guard._follower.is_running

    @pytest.mark.parametrize(
        "stream",
        [
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n" + HELLO + beat(0),
            EVENTS.encode().replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
            + HELLO + beat(0),
            EVENTS.encode() + beat(0),
            EVENTS.encode() + event("session", "s-1", 0) + HELLO + beat(0),
            EVENTS.encode() + HELLO.replace(b'"version":1', b'"version":2') + beat(0),
            EVENTS.encode() + b"x" * 20_000 + beat(0),
            EVENTS.encode() + b"event: hello\ndata: [1]\n\n" + beat(0),
            EVENTS.encode() + b"event: hello\xff\n" + HELLO + beat(0),
            b"not HTTP at all\r\n\r\n",
        ],
    )  # fmt: skip
    async def test_that_is_not_understood_lets_nobody_in(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime, stream: bytes
    ) -> None:
        liar.stream = stream
        service = await guarding(starts=False, bound=500)
        time.steady = 10_000
        service.guard._follower.start()
        time.advance(1)
        assert await service.verdict(token(time.now())) == UNAVAILABLE
        await liar.is_asked_for("/auth/revocations", 2)
        assert not service.beats

    @pytest.mark.parametrize(
        "broken",
        [
            b"event: session\ndata: {\n\n",
            b'event: session\ndata: {"id":1,"at":1}\n\n',
            b'id: 1\nevent: session\ndata: {"id":"s","at":"1"}\n\n',
            b'id: 1\nevent: session\ndata: {"id":"s","at":true}\n\n',
            b'id: x\nevent: session\ndata: {"id":"s","at":1}\n\n',
            b'id: 1\nid: 2\nevent: session\ndata: {"id":"s","at":1}\n\n',
            b'id: 1\nevent: session\ndata: {"id":"s","id":"t","at":1}\n\n',
            b": " + b"9" * 30 + b"\n\n",
            b"".join(b"f%d: x\n" % n for n in range(100)),
        ],
    )
    async def test_with_something_unclear_in_it_is_begun_anew(
        self, guarding: Guarding, liar: LyingWatchword, broken: bytes
    ) -> None:
        service = await guarding()
        await liar.say(broken)
        await service.hears_a_beat()
        assert liar.asked_for("/auth/revocations") == 2

    async def test_may_come_in_any_pieces_and_with_any_line_ends(
        self, guarding: Guarding, liar: LyingWatchword, time: StoppedTime
    ) -> None:
        service = await guarding()
        for byte in event("session", "s-1", time.now()).replace(b"\n", b"\r\n"):
            await liar.say(bytes([byte]))
        await service.hears_of("session", "s-1")
        assert await service.verdict(token(time.now())) == REVOKED


class TestItsMaking:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"issuer": "auth.example.com"},
            {"issuer": "file:///etc/passwd"},
            {"service_token": ""},
            {"service_token": "two words"},
            {"service_token": "x\r\nhost: evil"},
        ],
    )
    def test_refuses_what_cannot_be(self, wrong: dict[str, str]) -> None:
        good = {"issuer": ISSUER, "service_token": TOKEN}
        with pytest.raises(ValueError, match=r"issuer|service_token"):
            Guard(lambda *_: None, **{**good, **wrong})  # type: ignore[arg-type]

    def test_refuses_a_bound_that_no_stream_could_hold(self) -> None:
        with pytest.raises(ValueError, match="500"):
            Options(bound=499)

    def test_shows_its_token_to_nobody(self) -> None:
        guard = Guard(lambda *_: None, issuer=ISSUER, service_token=TOKEN)  # type: ignore[arg-type]
        assert TOKEN not in repr(vars(guard))
        assert TOKEN not in repr(vars(guard._source))
