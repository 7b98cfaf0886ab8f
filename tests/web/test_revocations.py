"""`GET /auth/revocations`: what is told, to whom, in which order, and when it ends."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.driving import Holder, Server, serving
from tests.web.contract import refused
from tests.web.raw import ask, bearer
from tests.web.streams import PATH, TOKEN, TOKENS, Event, Follower, following
from watchword.adapters.sql import subscriptions
from watchword.crypto.secret import Secret
from watchword.domain.time import MINUTE, SECOND, Span
from watchword.flows.revocation_stream import MOST_FOLLOWERS
from watchword.ports import Change, Recorded, Topic
from watchword.web.api.revocations import event_of, last_event_id
from watchword.web.headers import Headers

OFF: dict[str, Any] = dict.fromkeys(("limit_auth", "limit_sign_in", "lockout_policy"))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, service_tokens=TOKENS, **OFF) as running:
        yield running


@pytest.fixture
async def ada(server: Server) -> Holder:
    await server.register()
    return await server.sign_in()


async def one_ends(server: Server, *, ago: Span = 0) -> str:
    """A session that has ended, so long ago."""
    holder = await server.sign_in()
    await holder.post("/auth/logout")
    server.clock.advance(ago)
    return holder.session_id


def of_sessions(events: list[Event]) -> list[str]:
    return [event.data["id"] for event in events if event.topic == "session"]


class TestWhoMayFollow:
    async def test_a_service_with_any_of_the_tokens(self, tmp_path: Path) -> None:
        tokens = (Secret(b"x" * 32), Secret(b"y" * 40))
        async with serving(tmp_path, service_tokens=tokens) as server:
            for token in tokens:
                async with following(server, token=token.reveal().decode()) as (follower, _):
                    await follower.until_beats(1)
                    assert follower.status == 200

    async def test_nobody_where_there_is_no_token(self, tmp_path: Path) -> None:
        async with serving(tmp_path) as server:
            for headers in ([], [bearer("")], [bearer("None")], [bearer(TOKEN)]):
                answer = await ask(server, "GET", PATH, headers=headers)
                unknown = await ask(server, "GET", "/nothing", headers=headers)
                assert answer.verdict == unknown.verdict == (404, "NOT_FOUND")
                assert answer.json()["detail"] == unknown.json()["detail"]

    @pytest.mark.parametrize(
        ("headers", "code"),
        [
            ([], "TOKEN_MISSING"),
            ([("cookie", f"session={TOKEN}")], "TOKEN_MISSING"),
            ([("authorization", TOKEN)], "TOKEN_INVALID"),
            ([("authorization", f"Basic {TOKEN}")], "TOKEN_INVALID"),
            ([bearer("")], "TOKEN_INVALID"),
            ([bearer(TOKEN[:-1])], "TOKEN_INVALID"),
            ([bearer(f"{TOKEN} ")], "TOKEN_INVALID"),
            ([bearer(TOKEN.upper())], "TOKEN_INVALID"),
            ([bearer("é" * 40)], "TOKEN_INVALID"),
        ],
    )
    async def test_nobody_by_anything_else(self, server: Server, headers: Any, code: str) -> None:
        answer = await ask(server, "GET", PATH, headers=headers)
        assert answer.verdict == (401, code)
        assert str(answer.one("www-authenticate")).startswith("Bearer")

    async def test_no_user_not_even_an_administrator(self, server: Server) -> None:
        await server.register_admin()
        root = await server.sign_in("root@example.com")
        refused(await root.get(PATH), 401, "TOKEN_INVALID")

    async def test_j20_a_token_that_is_sent_twice_is_refused(self, server: Server) -> None:
        answer = await ask(server, "GET", PATH, headers=[bearer(TOKEN), bearer(TOKEN)])
        assert answer.verdict == (400, "MALFORMED")

    async def test_its_token_opens_nothing_else_and_is_in_no_log(self, server: Server) -> None:
        for path in ("/profile", "/users", "/auth/verify", "/audit"):
            answer = await ask(server, "GET", path, headers=[bearer(TOKEN)])
            assert answer.verdict == (401, "TOKEN_INVALID")
        async with following(server) as (follower, _):
            await follower.until_beats(1)
        assert TOKEN not in repr(server.log.events)
        assert TOKEN not in repr(server.core.services.policy)
        assert TOKEN not in repr(server.core.settings)

    async def test_no_more_than_a_hundred_in_one_process(self, server: Server) -> None:
        async with AsyncExitStack() as stack:
            followers = [
                (await stack.enter_async_context(following(server)))[0]
                for _ in range(MOST_FOLLOWERS)
            ]
            for follower in followers:
                await follower.until_events(1)
            answer = await ask(server, "GET", PATH, headers=[bearer(TOKEN)])
            assert answer.verdict == (503, "UNAVAILABLE")
            assert answer.one("retry-after") == "1"
        async with following(server) as (follower, _):
            await follower.until_beats(1)
        assert server.core.services.revocations._followers <= 1


class TestWhatIsTold:
    async def test_first_of_all_how_it_will_go_on(self, server: Server) -> None:
        async with following(server) as (follower, _):
            await follower.until_beats(2)
        hello = follower.events[0]
        assert hello == Event("hello", {"version": 1, "heartbeat": 0.25, "retention": 1_200})
        assert follower.text.startswith("event: hello\n")

    async def test_its_head_keeps_caches_and_proxies_out_of_the_way(self, server: Server) -> None:
        async with following(server, ("x-request-id", "followed-by-1")) as (follower, _):
            await follower.until_beats(1)
        headers = follower.headers
        assert headers[b"content-type"] == b"text/event-stream; charset=utf-8"
        assert headers[b"cache-control"] == b"no-store"
        assert headers[b"x-accel-buffering"] == b"no"
        assert headers[b"x-request-id"] == b"followed-by-1"
        assert headers[b"x-content-type-options"] == b"nosniff"
        assert b"content-length" not in headers

    async def test_of_head_is_the_head(self, server: Server) -> None:
        async with following(server, method="HEAD") as (follower, request):
            await request
        assert (follower.status, follower.text, follower.is_over) == (200, "", True)
        assert server.core.services.revocations._followers == 0

    async def test_a_session_with_its_end_and_only_once(self, server: Server, ada: Holder) -> None:
        async with following(server) as (follower, _):
            before = len(await follower.until_events(2))
            await follower.until_beats(1)
            before = len(follower.events)
            await ada.post("/auth/logout")
            event = (await follower.until_events(before + 1))[-1]
            await follower.until_beats(3)
        assert event.topic == "session"
        assert event.data == {"id": ada.session_id, "at": server.clock.now()}
        assert of_sessions(follower.events) == [ada.session_id]

    async def test_a_beat_only_behind_what_was_committed_before_it(
        self, server: Server, ada: Holder
    ) -> None:
        async with following(server) as (follower, _):
            for _ in range(5):
                ended = await one_ends(server)
                beats = len(follower.beats)
                await follower.until_beats(beats + 2)
                assert of_sessions(follower.events)[-1] == ended
        assert follower.beats == sorted(follower.beats)

    async def test_what_happened_in_the_last_twenty_minutes_and_nothing_older(
        self, server: Server, ada: Holder
    ) -> None:
        ended = [await one_ends(server, ago=10 * MINUTE) for _ in range(3)]
        async with following(server) as (follower, _):
            await follower.until_beats(1)
        assert of_sessions(follower.events) == ended[1:]

    async def test_what_was_missed_since_an_event_and_a_minute_before_it(
        self, server: Server, ada: Holder
    ) -> None:
        ended = [await one_ends(server, ago=40 * SECOND) for _ in range(4)]
        async with following(server) as (follower, _):
            await follower.until_beats(1)
        heard = {e.data["id"]: e.id for e in follower.events if e.topic == "session"}
        async with following(server, ("last-event-id", heard[ended[2]])) as (follower, _):
            await follower.until_beats(1)
        assert of_sessions(follower.events) == ended[1:]

    async def test_what_matters_to_who_was_away_for_a_day(
        self, server: Server, ada: Holder
    ) -> None:
        await one_ends(server)
        async with following(server) as (follower, _):
            await follower.until_beats(1)
        last = follower.events[-1].id
        server.clock.advance(24 * 60 * MINUTE)
        again = await one_ends(server)
        async with following(server, ("last-event-id", last)) as (follower, _):
            await follower.until_beats(1)
        assert of_sessions(follower.events) == [again]

    @pytest.mark.parametrize("last", ["999999", "x", "-1", "1e3", "9" * 40, "0", ""])
    async def test_everything_to_who_names_no_event_of_ours(
        self, server: Server, ada: Holder, last: str
    ) -> None:
        await ada.post("/auth/logout")
        async with following(server, ("last-event-id", last)) as (follower, _):
            await follower.until_beats(1)
        assert of_sessions(follower.events) == [ada.session_id]

    async def test_a_long_past_is_told_in_pieces(self, server: Server, ada: Holder) -> None:
        user = ada.answer["user"]["id"]
        async with server.core.store.transaction() as unit:
            for number in range(2_500):
                await unit.accounts.rename(user, f"{number}")
        async with following(server) as (follower, _):
            await follower.until_beats(1)
        assert sum(event.topic == "user" for event in follower.events) == 2_500
        assert len(follower.pieces) < 20

    async def test_more_and_never_less_after_a_clock_was_set_back(
        self, server: Server, ada: Holder
    ) -> None:
        await ada.post("/auth/logout")
        async with following(server) as (follower, _):
            await follower.until_beats(1)
        last = follower.events[-1].id
        server.clock.advance(-60 * MINUTE)
        async with following(server, ("last-event-id", last)) as (follower, _):
            await follower.until_beats(1)
        assert of_sessions(follower.events) == [ada.session_id]


class Unreachable(Follower):
    """Its connection is gone before the answer begins."""

    async def send(self, message: Mapping[str, Any]) -> None:
        raise ConnectionError


async def _follow_and_be_cancelled(server: Server, moment: int) -> None:
    async with following(server) as (_, request):
        for _ in range(moment):
            await asyncio.sleep(0)
        request.cancel()


class TestItsEnd:
    async def test_x09_nothing_is_left_of_who_could_not_be_answered(self, server: Server) -> None:
        with pytest.raises(ConnectionError) as kept:  # and with it all that has failed
            async with following(server, kind=Unreachable) as (_, request):
                await asyncio.wait((request,))
        assert kept.tb is not None
        assert server.core.services.revocations._followers == 0
        assert not server.sqlite.feed._subscriptions

    async def test_x09_nothing_is_left_of_who_is_cancelled_whenever_that_is(
        self, server: Server
    ) -> None:
        for moment in range(12):
            with pytest.raises(asyncio.CancelledError) as kept:
                await _follow_and_be_cancelled(server, moment)
            assert kept.tb is not None
            assert server.core.services.revocations._followers == 0
            assert not server.sqlite.feed._subscriptions

    async def test_who_goes_is_let_go(self, server: Server) -> None:
        async with following(server) as (follower, request):
            await follower.until_beats(1)
            follower.leave()
            await asyncio.wait_for(request, 10)
        assert server.core.services.revocations._followers == 0
        assert not server.sqlite.feed._subscriptions

    async def test_it_ends_with_the_server(self, server: Server) -> None:
        async with following(server) as (follower, request):
            await follower.until_beats(1)
            await server.core.store.close()
            await asyncio.wait_for(request, 10)
        assert follower.is_over

    async def test_who_does_not_read_is_cut_off_and_can_come_back(
        self, server: Server, ada: Holder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subscriptions, "MOST_WAITING", 50)
        user = ada.answer["user"]["id"]
        async with following(server) as (follower, request):
            await follower.until_beats(1)
            follower.takes.clear()
            for number in range(60):
                async with server.core.store.transaction() as unit:
                    await unit.accounts.rename(user, f"{number}")
                server.sqlite.feed.look()
            follower.takes.set()
            await asyncio.wait_for(request, 10)
            last = follower.events[-1].id
        async with following(server, ("last-event-id", last)) as (follower, _):
            await follower.until_beats(1)
        assert sum(event.topic == "user" for event in follower.events) == 60

    async def test_a_store_that_fails_ends_it_without_a_beat(self, server: Server) -> None:
        async with following(server) as (follower, request):
            await follower.until_beats(1)
            beats = len(follower.beats)
            server.sqlite._reader.close()
            await asyncio.wait_for(request, 10)
        assert len(follower.beats) <= beats + 1
        assert [name for name, _ in server.log.events if name == "stream_failed"]

    async def test_it_is_counted_and_logged_when_it_begins(self, server: Server) -> None:
        async with following(server) as (follower, _):
            await follower.until_beats(1)
            [line] = [fields for name, fields in server.log.events if name == "request"]
            assert (line["path"], line["status"]) == (PATH, 200)


class TestAnEvent:
    @given(
        st.builds(
            Recorded,
            st.integers(0, 2**62),
            st.integers(0, 2**50),
            st.builds(Change, st.sampled_from(Topic), st.text()),
            st.integers(0, 2**40),
        )
    )
    def test_is_three_lines_whatever_is_in_it(self, recorded: Recorded) -> None:
        if any("\ud800" <= letter <= "\udfff" for letter in recorded.change.id):
            return
        lines = event_of(recorded).split(b"\n")
        names = [line.partition(b":")[0] for line in lines]
        assert names == [b"id", b"event", b"data", b"", b""]
        assert b"\r" not in event_of(recorded)

    @given(st.binary())
    def test_is_named_by_a_number_or_not_at_all(self, name: bytes) -> None:
        found = last_event_id(Headers([(b"last-event-id", name)]))
        assert found is None or found >= 0
