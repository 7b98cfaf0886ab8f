"""Connections to Redis: bounded, mended by themselves, and silent about how they came in."""

import asyncio
import logging
import re
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import pytest
import trustme

from tests.adapters.redis.conftest import RedisCounters
from tests.servers.redis import RedisServer, free_port, running
from watchword.adapters.memory import MemoryStore
from watchword.adapters.redis import (
    AddressUnusable,
    Connections,
    Names,
    RedisFailed,
    RedisSessionStore,
)
from watchword.adapters.redis.address import Address
from watchword.adapters.redis.scripts import Script
from watchword.crypto.secret import Secret
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.errors import Unavailable
from watchword.domain.time import HOUR, MINUTE, SECOND
from watchword.ports import Allowance
from watchword.testing import FakeClock
from watchword.testing.conformance.ground import (
    NOW,
    a_session,
    alone,
    an_account,
    given,
    given_session,
    rotated,
)

PASSWORD = "c4n4ry-9f8e7d6c"
ALLOWANCE = Allowance(3, HOUR)
POLICY = LockoutPolicy(failures=5, first_lock=15 * MINUTE)


@asynccontextmanager
async def connected(
    url: str, *, ca_file: Path | None = None, size: int = 16, patience: int = 1_000
) -> AsyncIterator[Connections]:
    connections = Connections(Secret(url.encode()), ca_file=ca_file, size=size, patience=patience)
    yield connections
    await connections.close()


async def why(connections: Connections) -> str:
    """What it says when it takes no write, with all that an operator could come to see of it."""
    with pytest.raises(RedisFailed) as refused:
        await connections.check("k")
    error = refused.value
    assert isinstance(error, Unavailable)
    seen = "".join(traceback.format_exception(error)) + repr(error) + str(error) + error.detail
    assert PASSWORD not in seen
    assert error.__cause__ is None
    assert error.__context__ is None
    return error.remedy


class TestAddress:
    @pytest.mark.parametrize(
        ("url", "host", "port", "database", "is_encrypted"),
        [
            ("redis://localhost", "localhost", 6379, 0, False),
            ("redis://localhost/", "localhost", 6379, 0, False),
            ("redis://192.0.2.1:7000/3", "192.0.2.1", 7000, 3, False),
            ("rediss://cache.example.com:6380/0", "cache.example.com", 6380, 0, True),
            ("redis://[2001:db8::1]:6379/0", "2001:db8::1", 6379, 0, False),
        ],
    )
    def test_a_url_is_read(
        self, url: str, host: str, port: int, database: int, is_encrypted: bool
    ) -> None:
        read = Address.parse(Secret(url.encode()))
        assert read == Address(host, port, database, is_encrypted)

    @pytest.mark.parametrize(
        ("login", "user", "password"),
        [("acme:pw", "acme", b"pw"), (":pw", "", b"pw"), ("a%40b:p%2Fw%3A", "a@b", b"p/w:")],
    )
    def test_user_and_password_are_decoded_and_hidden(
        self, login: str, user: str, password: bytes
    ) -> None:
        read = Address.parse(Secret(f"redis://{login}@localhost".encode()))
        assert read.login == (user, Secret(password))
        assert repr(read) == (
            "Address(host='localhost', port=6379, database=0, is_encrypted=False)"
        )

    @pytest.mark.parametrize(
        "url",
        [
            f"redis://acme:{PASSWORD}/x@localhost",
            f"redis://acme:{PASSWORD}@@localhost",
            f"redis://acme:{PASSWORD}@localhost:port",
            f"redis://acme:{PASSWORD}@localhost:0",
            f"redis://acme:{PASSWORD}@localhost:65536",
            f"redis://acme:{PASSWORD}@localhost/0?ssl_cert_reqs=none",
            f"redis://acme:{PASSWORD}@localhost/0#x",
            f"redis://acme:{PASSWORD}@localhost\n",
            f"http://acme:{PASSWORD}@localhost",
            "redis://",
            "",
        ],
    )
    def test_what_is_none_is_refused_without_a_word_of_it(self, url: str) -> None:
        with pytest.raises(AddressUnusable) as refused:
            Address.parse(Secret(url.encode()))
        assert PASSWORD not in "".join(traceback.format_exception(refused.value))


class TestFaults:
    async def test_b14_without_a_server_nothing_is_let_in(self) -> None:
        counters = RedisCounters(f"redis://acme:{PASSWORD}@127.0.0.1:{free_port()}/0")
        for verb in (
            counters.limits.hit("k", ALLOWANCE, now=NOW),
            counters.limits.peek("k", ALLOWANCE, now=NOW),
            counters.limits.take_back("k", "ada"),
            counters.limits.forgive("k", "ada"),
            counters.lockouts.begin("account:u", POLICY, now=NOW),
            counters.lockouts.take_back("account:u", POLICY),
            counters.lockouts.succeed("account:u"),
            counters.lockouts.forget("account:u"),
        ):
            with pytest.raises(Unavailable):
                await verb
        assert "cannot be reached" in await why(counters.connections)
        await counters.close()

    async def test_a_server_that_was_restarted_is_found_by_the_next_verb(
        self, server: RedisServer
    ) -> None:
        async with connected(server.url) as connections:
            counters = RedisCounters(server.url)
            await asyncio.gather(*(counters.limits.hit("k", ALLOWANCE, now=NOW) for _ in range(20)))
            server.kill()
            assert "cannot be reached" in await why(counters.connections)
            server.start()
            tally = await counters.limits.hit("k", ALLOWANCE, now=NOW)
            assert tally.remaining == 2, "its memory is gone, and every window begins anew"
            await asyncio.gather(*(counters.limits.hit("k", ALLOWANCE, now=NOW) for _ in range(20)))
            await counters.close()
            await connections.check("k")

    async def test_a_server_that_falls_silent_is_waited_for_as_long_as_was_said(
        self, server: RedisServer
    ) -> None:
        async with connected(server.url, size=2, patience=300) as connections:
            await connections.check("k")
            with server.paused():
                began = perf_counter()
                refused = await asyncio.gather(
                    *(connections.check("k") for _ in range(10)), return_exceptions=True
                )
                assert perf_counter() - began < 0.6
                assert {type(one) for one in refused} == {RedisFailed}
                assert "in time" in await why(connections)
            await connections.check("k")

    async def test_x05_a_script_that_has_to_be_sent_again_is_waited_for_no_longer(self) -> None:
        patience = 0.4

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            """Slow to say that it does not know the script; to the script it says nothing."""
            await reader.read(1_024)
            await asyncio.sleep(patience * 0.7)
            writer.write(b"-NOSCRIPT No matching script.\r\n")
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, connected(url, patience=int(patience * 1_000)) as connections:
            began = perf_counter()
            with pytest.raises(RedisFailed) as raised:
                await connections.run(Script("return 1"), "k")
            assert "in time" in str(raised.value)
            assert perf_counter() - began < patience * 1.25

    async def test_who_finds_no_free_connection_does_not_wait_longer(
        self, server: RedisServer
    ) -> None:
        async with connected(server.url, size=1, patience=300) as connections:
            with server.paused():
                first = asyncio.create_task(connections.command("PING"))
                began = perf_counter()
                assert "in time" in await why(connections)
                assert perf_counter() - began < 0.6
                with pytest.raises(RedisFailed):
                    await first

    async def test_b14_who_gives_up_when_it_is_its_turn_leaves_it_to_the_next(
        self, url: str
    ) -> None:
        async with connected(url, size=1, patience=5 * SECOND) as connections:

            async def ask_and_cancel_the_next() -> None:
                await connections.command("PING")
                waiting[1].cancel()

            waiting = [
                asyncio.create_task(ask_and_cancel_the_next()),
                *(asyncio.create_task(connections.command("ECHO", "x")) for _ in range(2)),
            ]
            began = perf_counter()
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            assert answers[0] is None
            assert isinstance(answers[1], asyncio.CancelledError)
            assert answers[2] == b"x"
            assert perf_counter() - began < 2.5

    async def test_a_request_that_is_given_up_gets_nobody_elses_answer(self, url: str) -> None:
        """Its answer, still on the way, must not be taken for that of the next command."""
        async with connected(url, size=2) as connections:
            for moment in range(40):
                asked = [
                    asyncio.create_task(connections.command("ECHO", f"{moment}-{number}"))
                    for number in range(6)
                ]
                for _ in range(moment % 8):
                    await asyncio.sleep(0)
                for task in asked[::2]:
                    task.cancel()
                answers = await asyncio.gather(*asked, return_exceptions=True)
                for number, answer in enumerate(answers):
                    if not isinstance(answer, asyncio.CancelledError):
                        assert answer == f"{moment}-{number}".encode()
            assert await connections.command("ECHO", "after") == b"after"

    async def test_a_full_memory_refuses_writes_and_lets_nobody_in(
        self, server: RedisServer
    ) -> None:
        counters = RedisCounters(server.url)
        await counters.connections.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        await counters.connections.command("CONFIG", "SET", "maxmemory", "1")
        assert "maxmemory" in await why(counters.connections)
        for verb in (
            counters.limits.hit("k", ALLOWANCE, now=NOW),
            counters.lockouts.begin("account:u", POLICY, now=NOW),
        ):
            with pytest.raises(Unavailable):
                await verb
        await counters.connections.command("CONFIG", "SET", "maxmemory", "0")
        assert (await counters.limits.hit("k", ALLOWANCE, now=NOW)).remaining == 2
        await counters.close()

    async def test_a_replica_is_left_as_soon_as_the_address_leads_elsewhere(
        self, server: RedisServer
    ) -> None:
        async with connected(server.url) as connections:
            await connections.command("REPLICAOF", "127.0.0.1", free_port())
            refused_on = await connections.command("CLIENT", "ID")
            assert "replica" in await why(connections)
            assert await connections.command("CLIENT", "ID") != refused_on
            await connections.command("REPLICAOF", "NO", "ONE")
            await connections.check("k")

    async def test_lost_scripts_are_sent_again(self, counters: RedisCounters) -> None:
        for remaining in (2, 1):
            tally = await counters.limits.hit("k", ALLOWANCE, now=NOW)
            assert tally.remaining == remaining
            await counters.connections.command("SCRIPT", "FLUSH")


class TestTheWayIn:
    async def test_a_password_opens_and_a_wrong_one_does_not(self, tmp_path: Path) -> None:
        with running(tmp_path, "--requirepass", PASSWORD) as server:
            place = f"127.0.0.1:{server.port}/0"
            async with connected(f"redis://:{PASSWORD}@{place}") as right:
                await right.check("k")
            for login in (f"acme:{PASSWORD}@", f":{PASSWORD}x@", ""):
                async with connected(f"redis://{login}{place}") as wrong:
                    assert "user and password" in await why(wrong)

    async def test_a_user_with_the_documented_rights_can_do_everything(
        self, tmp_path: Path
    ) -> None:
        text = (Path(__file__).parents[3] / "docs" / "redis.md").read_text("utf-8")
        found = re.search(r"^user watchword .*$", text, re.MULTILINE)
        assert found is not None
        rights = found[0].replace("a-long-password", PASSWORD)
        acl = tmp_path / "users.acl"
        acl.write_text(f"user default off\n{rights}\n", "utf-8")
        with running(tmp_path, "--aclfile", str(acl)) as server:
            url = f"redis://watchword:{PASSWORD}@127.0.0.1:{server.port}/0"
            counters = RedisCounters(url)
            await counters.connections.check(Names().limit("check"))
            await counters.limits.hit("k", ALLOWANCE, now=NOW, share="ada")
            await counters.limits.peek("k", ALLOWANCE, now=NOW)
            await counters.limits.take_back("k", "ada")
            await counters.limits.forgive("k", "ada")
            await counters.lockouts.begin("account:u", POLICY, now=NOW)
            await counters.lockouts.begin("address:0", POLICY, now=NOW)
            await counters.lockouts.take_back("account:u", POLICY)
            await counters.lockouts.succeed("account:u")
            await counters.lockouts.forget("account:u")
            store = RedisSessionStore(MemoryStore(clock=FakeClock()), counters.connections, Names())
            await given(store, an_account())
            await given_session(store, a_session(an_account()))
            assert await rotated(store, a_session(an_account()))
            await store.touch([(a_session(an_account()).id, NOW + HOUR)])
            assert await store.reading.sessions.list_live(an_account().id, NOW)
            await alone(store, lambda unit: unit.accounts.delete(an_account().id))
            await store.close()
            assert await counters.connections.eviction_policy() is None, "it may not ask"
            with pytest.raises(RedisFailed, match="does not let this user"):
                await counters.connections.command("FLUSHALL")
            with pytest.raises(RedisFailed, match="does not let this user"):
                await counters.connections.command("GET", "something-else")
            await counters.close()

    async def test_no_error_and_no_line_quotes_the_password(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A server that does not know AUTH answers with all of it."""
        caplog.set_level(logging.DEBUG)
        with running(tmp_path, "--rename-command", "AUTH", "") as server:
            async with connected(
                f"redis://acme:{PASSWORD}@127.0.0.1:{server.port}/0"
            ) as connections:
                await why(connections)
                told = [repr(connections), repr(connections._pool), repr(vars(connections))]
                told += [repr(one) for one in connections._pool._available_connections]
        assert PASSWORD not in "".join(told)
        assert PASSWORD not in caplog.text


class TestEncryption:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @asynccontextmanager
    async def encrypted(
        self, folder: Path, authority: trustme.CA, name: str
    ) -> AsyncIterator[tuple[RedisServer, Path]]:
        certificate = authority.issue_cert(name)
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        pem, ca_file = str(folder / "server.pem"), folder / "ca.pem"
        options = (
            "--tls-cert-file",
            pem,
            "--tls-key-file",
            pem,
            "--tls-ca-cert-file",
            str(ca_file),
        )
        with running(folder, *options, "--tls-auth-clients", "no") as server:
            yield server, ca_file

    async def test_a_certificate_of_a_known_authority_is_believed(
        self, tmp_path: Path, authority: trustme.CA
    ) -> None:
        async with self.encrypted(tmp_path, authority, "localhost") as (server, ca_file):
            url = f"rediss://localhost:{server.port}/0"
            async with connected(url, ca_file=ca_file) as connections:
                await connections.check("k")

    async def test_one_of_an_unknown_authority_or_another_name_is_not(
        self, tmp_path: Path, authority: trustme.CA
    ) -> None:
        async with self.encrypted(tmp_path, authority, "localhost") as (server, ca_file):
            async with connected(f"rediss://localhost:{server.port}/0") as connections:
                assert "certificate" in await why(connections)
            url = f"rediss://127.0.0.1:{server.port}/0"
            async with connected(url, ca_file=ca_file) as connections:
                assert "certificate" in await why(connections)

    @pytest.mark.parametrize("text", [None, "", "no certificate"])
    def test_a_file_without_a_certificate_is_refused_at_once(
        self, tmp_path: Path, text: str | None
    ) -> None:
        ca_file = tmp_path / "ca.pem"
        if text is not None:
            ca_file.write_text(text, "utf-8")
        with pytest.raises(RedisFailed, match="PEM file"):
            Connections(Secret(b"rediss://localhost"), ca_file=ca_file)

    async def test_what_is_to_be_encrypted_is_never_sent_plain(self, server: RedisServer) -> None:
        url = f"rediss://localhost:{server.port}/0"
        async with connected(url, patience=300) as connections:
            await why(connections)
