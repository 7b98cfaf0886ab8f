"""The range protocol over real sockets: what leaves, what is believed, and what is no answer."""

import asyncio
import gzip
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx2
import pytest
import trustme

from tests.adapters.breaches.server import Answer, RangeServer, digest_of, http, listing
from tests.adapters.breaches.server import range_server as serving
from watchword.adapters.breaches import Unanswered
from watchword.adapters.breaches.range_api import RangeApi

KNOWN = "a phrase that was stolen"
UNKNOWN = "a phrase that was not"
DIGEST = digest_of(KNOWN)
PREFIX, SUFFIX = DIGEST[:5], DIGEST[5:].encode()

Ask = Callable[..., Awaitable[bool]]


@pytest.fixture
async def server() -> AsyncIterator[RangeServer]:
    async with serving(listing(KNOWN)) as server:
        yield server


@pytest.fixture
async def ask(server: RangeServer) -> AsyncIterator[Ask]:
    api = RangeApi(server.url)

    async def ask_once(password: str = KNOWN, answer: Answer | None = None) -> bool:
        server.answer = answer or server.answer
        return await api.holds(digest_of(password))

    yield ask_once
    await api.close()


def always(content: bytes) -> Answer:
    return lambda _: content


class TestAnAnswer:
    async def test_with_the_rest_of_the_hash_is_a_match(self, ask: Ask) -> None:
        assert await ask(KNOWN)

    async def test_without_it_is_none(self, ask: Ask) -> None:
        assert not await ask(UNKNOWN)

    @pytest.mark.parametrize("count", ["0", "00"])
    async def test_of_padding_is_no_match(self, count: str, ask: Ask) -> None:
        assert not await ask(answer=always(http(SUFFIX + b":" + count.encode())))

    @pytest.mark.parametrize(
        "rows",
        [
            SUFFIX + b":1",
            SUFFIX.lower() + b":12\r\n",
            SUFFIX + b":010\n\n",
            b"0" * 35 + b":0\n" + SUFFIX + b":3\n" + b"F" * 35 + b":9",
            b"<not a row>\n" + SUFFIX + b":3\n",
        ],
    )
    async def test_may_be_written_in_other_ways(self, rows: bytes, ask: Ask) -> None:
        assert await ask(answer=always(http(rows)))

    @pytest.mark.parametrize("rows", [b"", b"\r\n", b"A" * 35 + b":1"])
    async def test_that_is_short_is_one_as_well(self, rows: bytes, ask: Ask) -> None:
        assert not await ask(answer=always(http(rows)))

    async def test_in_chunks_is_put_together(self, ask: Ask) -> None:
        row = SUFFIX + b":3"
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (row[:9], row[9:]))
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert await ask(answer=always(head + chunks + b"0\r\n\r\n"))


class TestWhatLeaves:
    async def test_is_five_digits_of_the_hash_and_nothing_else_of_the_password(
        self, ask: Ask, server: RangeServer
    ) -> None:
        await ask(KNOWN)
        (head,) = server.requests
        assert head.startswith(f"GET /range/{PREFIX} HTTP/1.1\r\n")
        assert DIGEST[:6] not in head.upper()
        assert DIGEST[5:11] not in head.upper()
        assert KNOWN not in head

    async def test_asks_for_padding_and_says_who_asks(self, ask: Ask, server: RangeServer) -> None:
        await ask()
        headers = dict(line.split(": ", 1) for line in server.requests[0].split("\r\n")[1:-2])
        assert {name.lower() for name in headers} == {
            *("host", "accept", "accept-encoding", "add-padding", "user-agent"),
        }
        assert headers["Add-Padding"] == "true"
        assert headers["User-Agent"] == "Watchword"

    async def test_is_one_request_for_each_password_over_one_connection(
        self, ask: Ask, server: RangeServer
    ) -> None:
        for number in range(10):
            await ask(f"{UNKNOWN} {number}")
        assert len(server.requests) == 10
        assert server.connections == 1

    async def test_carries_no_cookie_that_the_server_gave(
        self, ask: Ask, server: RangeServer
    ) -> None:
        await ask(answer=always(http(b"", headers="Set-Cookie: you=1; Path=/\r\n")))
        await ask()
        assert "cookie" not in server.requests[1].lower()

    async def test_is_in_no_log_line_of_a_library(
        self, ask: Ask, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await ask(KNOWN)
        with pytest.raises(Unanswered):
            await ask(answer=always(http(b"", status="500 Oops")))
        told = " ".join(record.getMessage() for record in caplog.records)
        assert PREFIX not in told
        assert "/range" not in told


class TestNoAnswer:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (http(b"", status="500 Internal Server Error"), "status 500"),
            (http(b"", status="404 Not Found"), "status 404"),
            (http(b"", status="429 Too Many Requests"), "status 429"),
            (http(b"<html>Sign in to the network</html>"), "no list of hashes"),
            (http(b"A" * 34 + b":1\r\n"), "no list of hashes"),
            (http(b"A" * 35 + b":x\r\n"), "no list of hashes"),
            (http(b"\xff\xfe\x00"), "no list of hashes"),
            (http((b"A" * 35 + b":1\r\n") * 8_000), "too large"),
            (http(gzip.compress(b"0" * 10**6), headers="Content-Encoding: gzip\r\n"), "compressed"),
        ],
    )
    async def test_is_what_the_protocol_does_not_know(
        self, content: bytes, reason: str, ask: Ask
    ) -> None:
        with pytest.raises(Unanswered, match=reason):
            await ask(answer=always(content))

    async def test_without_an_end_is_given_up_at_its_size(
        self, ask: Ask, server: RangeServer
    ) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"
        with pytest.raises(Unanswered, match="too large"):
            await ask(answer=always(head + b"0" * (300 * 1024)))

    async def test_is_a_redirect_which_is_not_followed(self, ask: Ask, server: RangeServer) -> None:
        """SSRF: the server that is asked does not choose whom we ask next."""
        async with serving(listing(KNOWN)) as other:
            target = f"Location: {other.url}/{PREFIX}\r\n"
            with pytest.raises(Unanswered, match="status 302"):
                await ask(answer=always(http(b"", status="302 Found", headers=target)))
            assert other.connections == 0
        assert len(server.requests) == 1

    @pytest.mark.parametrize("content", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nConte"])
    async def test_is_what_is_no_http(self, content: bytes) -> None:
        async with serving(always(content)) as server:
            api = RangeApi(server.url, patience=200)
            with pytest.raises((httpx2.HTTPError, TimeoutError)):
                await api.holds(DIGEST)
            await api.close()

    async def test_is_a_server_that_is_not_there(self) -> None:
        async with serving() as server:
            url = server.url
        api = RangeApi(url)
        with pytest.raises(httpx2.ConnectError):
            await api.holds(DIGEST)
        await api.close()

    async def test_is_waited_for_no_longer_than_it_may_take(self) -> None:
        async with serving(lambda _: None) as server:
            api = RangeApi(server.url, patience=50)
            with pytest.raises(TimeoutError):
                await api.holds(DIGEST)
            await api.close()

    async def test_of_a_slow_server_piles_up_no_connections_and_leaves_none_behind(self) -> None:
        async with serving(lambda _: None) as server:
            api = RangeApi(server.url, patience=200)
            told = await asyncio.gather(
                *(api.holds(digest_of(str(number))) for number in range(30)),
                return_exceptions=True,
            )
            assert {type(answer) for answer in told} == {TimeoutError}
            assert server.most_at_once == 8
            server.answer = listing(KNOWN)
            assert await api.holds(DIGEST)
            await api.close()


class TestOverTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    def context(self, authority: trustme.CA, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        return context

    async def ask(self, server: RangeServer) -> bool:
        api = RangeApi(server.url)
        try:
            return await api.holds(DIGEST)
        finally:
            await api.close()

    async def test_a_server_that_nobody_vouches_for_is_not_asked(
        self, authority: trustme.CA
    ) -> None:
        async with serving(listing(KNOWN), tls=self.context(authority, "localhost")) as server:
            with pytest.raises(httpx2.ConnectError):
                await self.ask(server)
        assert server.requests == []

    @pytest.mark.parametrize("name", ["localhost", "other.example"])
    async def test_a_certificate_must_be_for_this_name(
        self, name: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The operator's own authority is trusted the way OpenSSL's programs do."""
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        async with serving(listing(KNOWN), tls=self.context(authority, name)) as server:
            if name == "localhost":
                assert await self.ask(server)
            else:
                with pytest.raises(httpx2.ConnectError):
                    await self.ask(server)
                assert server.requests == []
