"""Guesses count whoever makes them, however spelt, and by whichever door (catalogue B, S12)."""

import asyncio
import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import change_rows, events, refused, rows
from tests.web.raw import AS_JSON, Reply, ask, bearer, figure, hashes
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND
from watchword.settings.addresses import network
from watchword.settings.choices import SessionLimit

WRONG = "a wrong guess entirely"
GUESSED_WRONG = (401, "INVALID_CREDENTIALS")
LOCKED = (429, "TOO_MANY_ATTEMPTS")
LIMITED = (429, "RATE_LIMITED")
OPEN = (200, None)


async def login(
    server: Server,
    email: str = "ada@example.com",
    password: str = WRONG,
    *,
    ip: str = "198.51.100.7",
    headers: Sequence[tuple[str, str]] = (),
    transport: str = "body",
) -> Reply:
    body = json.dumps({"email": email, "password": password, "transport": transport}).encode()
    return await ask(server, "POST", "/auth/login", headers=[AS_JSON, *headers], body=body, ip=ip)


def elsewhere(number: int) -> str:
    """An address that no limit takes for another one's."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


_CLIENTS = count(1_000)


async def guess(server: Server, times: int, email: str = "ada@example.com") -> list[Reply]:
    """Wrong passwords, each from an address of its own."""
    return [await login(server, email, ip=elsewhere(next(_CLIENTS))) for _ in range(times)]


def retry_after(answer: Reply) -> int:
    return int(str(answer.one("retry-after")))


class TestClientAddresses:
    HEADERS = (
        "x-forwarded-for",
        "x_forwarded_for",
        "x-forwarded",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "forwarded",
        "forwarded-for",
        "via",
    )

    async def test_b01_no_header_of_a_stranger_makes_another_client_of_them(
        self, server: Server
    ) -> None:
        for number, name in enumerate(self.HEADERS[:5]):
            answer = await login(
                server, f"u{number}@example.com", headers=[(name, elsewhere(number))]
            )
            assert answer.verdict == GUESSED_WRONG
        for name in self.HEADERS:
            forged = [(name, "203.0.113.1"), (name, "for=203.0.113.2"), ("x-real-ip", "1.2.3.4")]
            assert (await login(server, "v@example.com", headers=forged)).verdict == LIMITED, name

    async def test_b01_behind_a_proxy_only_the_hop_that_it_added_counts(
        self, tmp_path: Path
    ) -> None:
        trusted = (network().parse("192.0.2.0/24"), network().parse("2001:db8::/64"))
        async with serving(tmp_path, trusted_proxies=trusted) as server:

            async def by_proxy(*lines: str, ip: str = "192.0.2.1") -> tuple[int, str | None]:
                headers = [("x-forwarded-for", line) for line in lines]
                return (await login(server, "u@example.com", headers=headers, ip=ip)).verdict

            for n in range(4):
                assert await by_proxy(f"{elsewhere(n)}, 203.0.113.9") == GUESSED_WRONG
            assert await by_proxy(elsewhere(9), "203.0.113.9, 192.0.2.7") == GUESSED_WRONG
            for n, lines in enumerate(
                [
                    ["203.0.113.9"],
                    [f"{elsewhere(77)}, 203.0.113.9"],
                    [elsewhere(78), "203.0.113.9"],
                    ["203.0.113.9:4711"],
                    ["[::ffff:203.0.113.9]:80"],
                    ["\t 203.0.113.9 \t, 192.0.2.200"],
                    ["garbage, 203.0.113.9"],
                ]
            ):
                assert await by_proxy(*lines, ip=f"192.0.2.{n + 1}") == LIMITED, lines
            assert (await by_proxy("203.0.113.9", ip="::ffff:192.0.2.1")) == LIMITED
            assert (await by_proxy("203.0.113.9", ip="2001:db8::1")) == LIMITED
            assert await by_proxy("203.0.113.9", ip="2001:db9::1") != LIMITED

    async def test_b02_a_network_of_a_line_is_one_client_in_every_spelling(
        self, server: Server
    ) -> None:
        for n in range(5):
            answer = await login(server, f"u{n}@example.com", ip=f"2001:db8:0:1::{n:x}")
            assert answer.verdict == GUESSED_WRONG
        for n in range(5, 1_000):
            ip = f"2001:db8:0:1:{n:x}:{n * 7:x}:{n * 13 & 0xFFFF:x}:{n:x}"
            answer = await ask(server, "POST", "/auth/login", headers=[AS_JSON], ip=ip)
            assert answer.verdict == LIMITED, ip
        for ip in (
            "2001:0DB8:0000:0001:0000:0000:0000:0001",
            "2001:DB8:0:1::",
            "2001:db8:0:1:ffff:ffff:ffff:ffff",
            "2001:db8:0:1::1%eth0",
        ):
            assert (await login(server, "v@example.com", ip=ip)).verdict == LIMITED, ip
        assert (await login(server, "v@example.com", ip="2001:db8:0:2::1")).verdict != LIMITED

    async def test_b02_a_mapped_address_is_the_address(self, server: Server) -> None:
        for n in range(5):
            await login(server, f"u{n}@example.com", ip="203.0.113.9")
        for ip in ("::ffff:203.0.113.9", "::FFFF:cb00:7109", "0:0:0:0:0:ffff:203.0.113.9"):
            assert (await login(server, "v@example.com", ip=ip)).verdict == LIMITED, ip

    async def test_a_limit_is_said_in_headers_and_ends_by_itself(self, server: Server) -> None:
        for n in range(5):
            await login(server, f"u{n}@example.com")
        server.clock.advance(3 * MINUTE)
        answer = await login(server, "v@example.com")
        assert answer.verdict == LIMITED
        assert answer.one("ratelimit-limit") == "5"
        assert answer.one("ratelimit-remaining") == "0"
        assert answer.one("ratelimit-reset") == answer.one("retry-after") == "420"
        server.clock.advance(7 * MINUTE - 1)
        assert (await login(server, "v@example.com")).verdict == LIMITED
        server.clock.advance(1)
        assert (await login(server, "v@example.com")).verdict == GUESSED_WRONG

    async def test_a_neighbour_keeps_nobody_from_signing_out(self, server: Server) -> None:
        """One address may be a whole company's."""
        await server.register()
        holder = await server.sign_in()
        for _ in range(101):
            await ask(server, "POST", "/auth/refresh", headers=[AS_JSON])
        assert (await holder.refresh()).status_code == 429
        assert (await holder.post("/auth/logout")).status_code == 200
        assert (await holder.get("/profile")).status_code == 401

    async def test_all_of_auth_is_limited_and_the_rest_is_not(self, server: Server) -> None:
        for _ in range(100):
            answer = await ask(server, "POST", "/auth/refresh", headers=[AS_JSON])
            assert answer.verdict == (401, "TOKEN_MISSING")
        await server.register()
        holder = await server.sign_in(ip="203.0.113.8")
        for method, path in (
            ("POST", "/auth/refresh"),
            ("POST", "/auth/register"),
            ("POST", "/auth/login"),
            ("POST", "/auth/setup"),
            ("GET", "/auth/csrf"),
        ):
            headers = [AS_JSON, bearer(holder.access)]
            answer = await ask(server, method, path, headers=headers)
            assert answer.verdict == LIMITED, path
            assert answer.one("ratelimit-limit") == "100"
        for path in ("/profile", "/health/ready", "/auth/verify"):
            answer = await ask(server, "GET", path, headers=[bearer(holder.access)])
            assert answer.status in {200, 204}, path


class TestOneAccount:
    async def test_b03_every_spelling_of_an_address_is_one_account(self, server: Server) -> None:
        await server.register()
        spellings = (
            "ada@example.com",
            "ADA@EXAMPLE.COM",
            " Ada@Example.com",
            "ada@example.com.",
            "ada@EXAMPLE.COM..",
        )
        for n, email in enumerate(spellings):
            assert (await login(server, email, ip=elsewhere(n))).verdict == GUESSED_WRONG, email
        for n, email in enumerate((*spellings, "ada@example.com\t", "aDa@eXample.cOm")):
            answer = await login(server, email, PASSWORD, ip=elsewhere(100 + n))
            assert answer.verdict == LOCKED, email
        for email in ("\uff41da@example.com", "ada@\uff45xample.com", "ada\u00a0@example.com"):
            answer = await login(server, email, PASSWORD, ip=elsewhere(200))
            assert answer.verdict in {LOCKED, (422, "VALIDATION_FAILED")}, email

    async def test_b04_of_a_hundred_guesses_at_once_from_one_address_five_are_hashed(
        self, server: Server
    ) -> None:
        answers = await asyncio.gather(*(login(server, f"u{n}@example.com") for n in range(100)))
        verdicts = [answer.verdict for answer in answers]
        assert verdicts.count(GUESSED_WRONG) == 5
        assert verdicts.count(LIMITED) == 95
        assert hashes(server) == 5

    async def test_b04_of_a_hundred_guesses_at_once_on_one_account_five_are_hashed(
        self, server: Server
    ) -> None:
        await server.register()
        before = hashes(server)
        answers = await asyncio.gather(*(login(server, ip=elsewhere(n)) for n in range(100)))
        verdicts = [answer.verdict for answer in answers]
        assert verdicts.count(GUESSED_WRONG) == 5
        assert verdicts.count(LOCKED) == 95
        assert hashes(server) - before == 5
        written = [event.type for event in events(server)]
        assert written.count("session.sign_in_failed") == 5
        assert written.count("account.locked") == 1

    async def test_b05_a_count_outlives_the_process_that_made_it(self, tmp_path: Path) -> None:
        async with serving(tmp_path) as server:
            await server.register()
            assert [answer.verdict for answer in await guess(server, 3)] == [GUESSED_WRONG] * 3
        async with serving(tmp_path) as server:
            assert [answer.verdict for answer in await guess(server, 3)] == [
                GUESSED_WRONG,
                GUESSED_WRONG,
                LOCKED,
            ]
        async with serving(tmp_path) as server:
            assert (await login(server, password=PASSWORD)).verdict == LOCKED

    async def test_b05_the_limit_of_an_address_outlives_it_too(self, tmp_path: Path) -> None:
        async with serving(tmp_path) as server:
            for n in range(5):
                await login(server, f"u{n}@example.com")
        async with serving(tmp_path) as server:
            assert (await login(server, "v@example.com")).verdict == LIMITED

    async def test_the_lock_doubles_up_to_an_hour_and_the_right_password_ends_it(
        self, server: Server
    ) -> None:
        await server.register()
        for minutes in (15, 30, 60, 60):
            assert [answer.verdict for answer in await guess(server, 5)] == [GUESSED_WRONG] * 5
            locked = await login(server, password=PASSWORD)
            assert locked.verdict == LOCKED
            assert retry_after(locked) == minutes * 60
            assert locked.one("ratelimit-limit") == "5"
            server.clock.advance(minutes * MINUTE - 1)
            assert (await login(server, password=PASSWORD)).verdict == LOCKED
            server.clock.advance(1)
        assert (await login(server, password=PASSWORD)).verdict == OPEN
        assert [answer.verdict for answer in await guess(server, 5)] == [GUESSED_WRONG] * 5
        assert retry_after(await login(server, password=PASSWORD)) == 15 * 60

    async def test_asking_while_locked_does_not_make_the_lock_longer(self, server: Server) -> None:
        await server.register()
        await guess(server, 5)
        server.clock.advance(14 * MINUTE)
        assert {answer.verdict for answer in await guess(server, 50)} == {LOCKED}
        server.clock.advance(MINUTE)
        assert (await login(server, password=PASSWORD)).verdict == OPEN

    async def test_after_a_hundred_failures_in_a_row_the_password_opens_nothing_any_more(
        self, server: Server
    ) -> None:
        await server.register()
        for _ in range(20):
            assert {answer.verdict for answer in await guess(server, 5)} == {GUESSED_WRONG}
            server.clock.advance(HOUR)
        before = hashes(server)
        assert (await login(server, password=PASSWORD)).verdict == GUESSED_WRONG
        assert hashes(server) == before + 1
        server.clock.advance(30 * DAY)
        assert (await login(server, password=PASSWORD)).verdict == GUESSED_WRONG

    async def test_a_storm_does_not_bring_a_disabled_password_back(self, server: Server) -> None:
        """Attempts that find no room are taken back, but not below what has disabled it."""
        person = await server.register()
        for _ in range(20):
            await guess(server, 5)
            server.clock.advance(HOUR)
        lockouts, policy = server.core.store.lockouts, server.core.settings.lockout_policy
        assert policy is not None
        key = f"account:{person.user['id']}"
        for _ in range(5):
            await lockouts.begin(key, policy, now=server.clock.now())
        for _ in range(5):
            await lockouts.take_back(key, policy)
        assert (await login(server, password=PASSWORD)).verdict == GUESSED_WRONG

    async def test_a_success_at_ninety_nine_failures_starts_the_count_anew(
        self, server: Server
    ) -> None:
        await server.register()
        for _ in range(19):
            await guess(server, 5)
            server.clock.advance(HOUR)
        assert {answer.verdict for answer in await guess(server, 4)} == {GUESSED_WRONG}
        assert (await login(server, password=PASSWORD)).verdict == OPEN
        assert rows(server, "SELECT consecutive FROM lockouts") == []

    async def test_b06_who_is_locked_out_by_strangers_gets_in_from_a_known_device(
        self, server: Server
    ) -> None:
        await server.register()
        browser = await server.sign_in(transport="cookie")
        device = [("cookie", f"device={browser.client.cookies['device']}")]
        await guess(server, 5)
        assert (await login(server, password=PASSWORD)).verdict == LOCKED
        for transport in ("cookie", "session", "body"):
            ours = await login(server, password=PASSWORD, headers=device, transport=transport)
            assert ours.verdict == (OPEN if transport != "body" else LOCKED)
        assert (await login(server, password=PASSWORD)).verdict == LOCKED

    async def test_b06_a_device_that_is_known_to_another_account_opens_no_side_door(
        self, server: Server
    ) -> None:
        await server.register()
        await server.register("eve@example.com")
        eve = await server.sign_in("eve@example.com", transport="cookie", ip="203.0.113.66")
        await guess(server, 5)
        device = str(eve.client.cookies["device"])
        for cookie in (device, device + "A", device[:-1], "x", ""):
            headers = [("cookie", f"device={cookie}")]
            answer = await login(
                server, password=PASSWORD, headers=headers, transport="cookie", ip="203.0.113.67"
            )
            assert answer.verdict == LOCKED, cookie

    async def test_b06_a_known_device_has_no_more_guesses_than_a_stranger(
        self, server: Server
    ) -> None:
        await server.register()
        browser = await server.sign_in(transport="cookie")
        device = [("cookie", f"device={browser.client.cookies['device']}")]
        verdicts = [
            (await login(server, headers=device, transport="cookie", ip=elsewhere(n))).verdict
            for n in range(6)
        ]
        assert verdicts == [GUESSED_WRONG] * 5 + [LOCKED]
        assert (await login(server, password=PASSWORD, ip=elsewhere(9))).verdict == OPEN

    async def test_b08_ones_own_success_forgives_nothing_but_ones_own_failures(
        self, server: Server
    ) -> None:
        """U signs in between guesses on V: neither V's count nor the address's gets smaller."""
        await server.register()
        await server.register("eve@example.com")
        verdicts = []
        for _ in range(6):
            verdicts.append((await login(server, "ada@example.com")).verdict)
            await login(server, "eve@example.com", PASSWORD)
        assert verdicts == [GUESSED_WRONG] * 5 + [LIMITED]
        assert (
            rows(server, "SELECT key FROM lockouts WHERE consecutive <> 5 AND key LIKE 'account:%'")
            == []
        )
        assert (await login(server, password=PASSWORD, ip=elsewhere(1))).verdict == LOCKED

    async def test_b08_a_success_clears_what_the_address_had_against_that_account(
        self, server: Server
    ) -> None:
        await server.register()
        for _ in range(3):
            for _ in range(4):
                assert (await login(server)).verdict == GUESSED_WRONG
            assert (await login(server, password=PASSWORD)).verdict == OPEN


class TestOtherDoors:
    async def through(self, server: Server, holder: Holder, door: str, password: str) -> Reply:
        body: dict[str, str]
        if door == "/auth/change-password":
            body = {"currentPassword": password, "newPassword": "a wholly other sentence"}
        else:
            body = {"password": password}
        headers = [AS_JSON, bearer(holder.access)]
        return await ask(server, "POST", door, headers=headers, body=json.dumps(body).encode())

    async def test_b13_all_doors_of_an_account_share_one_count(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in()
        wrong = (403, "INVALID_CREDENTIALS")
        assert (await login(server)).verdict == GUESSED_WRONG
        for door in ("/auth/reauthenticate", "/auth/change-password") * 2:
            assert (await self.through(server, holder, door, WRONG)).verdict == wrong
        before = hashes(server)
        for door in ("/auth/reauthenticate", "/auth/change-password"):
            answer = await self.through(server, holder, door, PASSWORD)
            assert answer.verdict == LOCKED
            assert retry_after(answer) == 15 * 60
        assert (await login(server, password=PASSWORD, ip="203.0.113.4")).verdict == LOCKED
        assert hashes(server) == before
        assert (await holder.get("/profile")).status_code == 200
        assert (await holder.refresh()).status_code == 200

    async def test_b13_a_success_by_one_door_opens_the_others(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in()
        for _ in range(3):
            await guess(server, 4)
            answer = await self.through(server, holder, "/auth/reauthenticate", PASSWORD)
            assert answer.status == 200
            holder.access = answer.json()["accessToken"]

    async def test_b13_basic_authentication_is_no_door(self, server: Server) -> None:
        await server.register()
        before = hashes(server)
        basic = ("authorization", "Basic YWRhQGV4YW1wbGUuY29tOmNvcnJlY3QgaG9yc2U=")
        for path in ("/profile", "/auth/verify", "/users"):
            answer = await ask(server, "GET", path, headers=[basic])
            assert answer.verdict == (401, "TOKEN_INVALID")
            assert str(answer.one("www-authenticate")).startswith("Bearer ")
        assert hashes(server) == before

    async def test_b07_a_spray_over_many_accounts_shows_in_the_figures(
        self, server: Server
    ) -> None:
        for n in range(30):
            await login(server, f"u{n}@example.com", ip=elsewhere(n))
        name = 'watchword_sign_ins_total{outcome="wrong_password"}'
        assert figure(server, name) == 30


class TestACountThatCannotBeKept:
    @pytest.mark.parametrize("table", ["limits", "lockouts"])
    async def test_b14_opens_no_door_and_costs_no_hashing(self, table: str, server: Server) -> None:
        """Right password or not, known address or not, by every door that takes a guess."""
        await server.register()
        holder = await server.sign_in()
        doors = [("/auth/login", {"email": "nobody@example.com", "password": WRONG})]
        for password in (WRONG, PASSWORD):
            change = {"currentPassword": password, "newPassword": "marble otter lantern quay"}
            doors += [
                ("/auth/login", {"email": "ada@example.com", "password": password}),
                ("/auth/reauthenticate", {"password": password}),
                ("/auth/change-password", change),
            ]
        before = rows(server, "SELECT * FROM sessions"), hashes(server)
        await change_rows(server, f"ALTER TABLE {table} RENAME TO out_of_the_way")
        for path, content in doors:
            refused(await holder.post(path, json=content), 503, "UNAVAILABLE")
        assert (rows(server, "SELECT * FROM sessions"), hashes(server)) == before
        assert (await holder.get("/profile")).status_code == 200
        await change_rows(server, f"ALTER TABLE out_of_the_way RENAME TO {table}")
        assert (await login(server, password=PASSWORD)).status == 200


class TestManySessions:
    async def test_s12_of_twenty_sign_ins_at_once_no_more_live_than_may(
        self, tmp_path: Path
    ) -> None:
        async with serving(tmp_path, max_sessions=5, hash_queue=64) as server:
            await server.register()
            answers = await asyncio.gather(
                *(login(server, password=PASSWORD, ip=elsewhere(n)) for n in range(20))
            )
            opened = [answer for answer in answers if answer.verdict == OPEN]
            assert len(opened) >= 5
            assert {answer.verdict for answer in answers} <= {OPEN, LOCKED}
            assert len(rows(server, "SELECT id FROM sessions WHERE ended_at IS NULL")) == 5
            alive = [
                (
                    await ask(
                        server, "GET", "/profile", headers=[bearer(answer.json()["accessToken"])]
                    )
                ).status
                for answer in opened
            ]
            assert alive.count(200) == 5

    async def test_s12_where_nothing_gives_way_the_sixth_is_refused(self, tmp_path: Path) -> None:
        async with serving(
            tmp_path, max_sessions=5, session_limit=SessionLimit.REJECT, lockout_policy=None
        ) as server:
            await server.register()
            answers = await asyncio.gather(
                *(login(server, password=PASSWORD, ip=elsewhere(n)) for n in range(20))
            )
            verdicts = [answer.verdict for answer in answers]
            assert verdicts.count(OPEN) == 5
            assert verdicts.count((409, "SESSION_LIMIT")) == 15
            assert len(rows(server, "SELECT id FROM sessions")) == 5
            server.clock.advance(14 * DAY + SECOND)
            assert (await login(server, password=PASSWORD)).verdict == OPEN


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
async def test_the_limits_may_be_turned_off(tmp_path: Path, email: str) -> None:
    async with serving(
        tmp_path, limit_sign_in=None, limit_auth=None, lockout_policy=None
    ) as server:
        await server.register()
        for _ in range(120):
            assert (await login(server, email)).verdict == GUESSED_WRONG
