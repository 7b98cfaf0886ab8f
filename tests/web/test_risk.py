"""What is unusual about a sign-in, over the wire: told, asked about or refused, by every way in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.maxmind.archives import LINKOEPING, MILTON, MMDB
from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import accepted, refused, rows
from tests.web.federated import Scene, beside
from tests.web.mailed import ADA
from tests.web.passkeys import SIGNED_IN
from tests.web.places import put_places
from tests.web.risky import FREE, at_home, letters, unusual
from tests.web.second_factor import complete, enrol, login
from tests.web.ways_in import HOME, WAYS, Go, WayIn
from watchword.domain.risk import Action
from watchword.domain.time import DAY, HOUR, MINUTE

EVERY_WAY = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
ANONYMISERS = (MMDB / "GeoIP2-Anonymous-IP-Test.mmdb").read_bytes()
VPN, DATA_CENTRE = "1.2.0.1", "6.1.0.2"


def sessions(server: Server) -> int:
    return len(rows(server, "SELECT id FROM sessions"))


@asynccontextmanager
async def before_the_door(
    folder: Path, way: WayIn, **settings: Any
) -> AsyncIterator[tuple[Scene, Go]]:
    """Likewise, with what this way in has to show; nothing waits to be sent."""
    put_places(folder)
    async with beside(folder, **FREE, **settings) as scene:
        await scene.server.register(ADA)
        ada = await scene.server.sign_in(ADA, ip=HOME)
        go = await way.prepare(scene, ada)
        scene.server.clock.advance(MINUTE)
        await scene.server.mails()
        yield scene, go


@EVERY_WAY
class TestEveryWayIn:
    async def test_tells_the_owner_once_of_all_that_is_unusual(
        self, tmp_path: Path, way: WayIn
    ) -> None:
        async with before_the_door(tmp_path, way) as (scene, go):
            assert (await go(MILTON)).status_code == way.status
            assert letters(scene.server) == [
                ("unusual_sign_in", "new_device new_country impossible_travel")
            ]
            (event,) = unusual(scene.server)
            assert event.details == {
                "signals": "new_device new_country impossible_travel",
                "action": "notice",
            }
            newest = "SELECT id FROM sessions ORDER BY created_at DESC LIMIT 1"
            assert rows(scene.server, newest) == [(event.session,)]

    async def test_tells_nothing_of_a_sign_in_from_home(self, tmp_path: Path, way: WayIn) -> None:
        async with before_the_door(tmp_path, way) as (scene, go):
            assert (await go(HOME)).status_code == way.status
            assert letters(scene.server) == []
            assert unusual(scene.server) == []

    async def test_refuses_as_it_refuses_a_wrong_proof_and_tells_the_owner(
        self, tmp_path: Path, way: WayIn
    ) -> None:
        async with before_the_door(tmp_path, way, risk_travel=Action.REFUSE) as (scene, go):
            before = sessions(scene.server)
            refused(await go(MILTON), *way.refusal)
            assert sessions(scene.server) == before
            assert letters(scene.server) == [("unusual_sign_in", "refused impossible_travel")]
            (event,) = unusual(scene.server)
            assert event.details == {"signals": "impossible_travel", "action": "refuse"}
            assert event.session is None

    async def test_lets_the_owner_in_after_a_thief_was_refused(
        self, tmp_path: Path, way: WayIn
    ) -> None:
        """What the thief has shown is not used up, and where the thief was is not remembered."""
        async with before_the_door(tmp_path, way, risk_travel=Action.REFUSE) as (_, go):
            refused(await go(MILTON), *way.refusal)
            assert (await go(HOME)).status_code == way.status

    @pytest.mark.parametrize(
        "countries",
        [{"countries_blocked": ("US", "CA")}, {"countries_allowed": ("GB", "IE")}],
        ids=["blocked", "not allowed"],
    )
    async def test_is_closed_to_a_country(
        self, tmp_path: Path, way: WayIn, countries: dict[str, Any]
    ) -> None:
        async with before_the_door(tmp_path, way, **countries) as (scene, go):
            before = sessions(scene.server)
            refused(await go(MILTON), 403, "COUNTRY_BLOCKED")
            assert sessions(scene.server) == before
            assert letters(scene.server) == [("unusual_sign_in", "refused country_blocked")]
            (event,) = unusual(scene.server)
            assert event.details == {"signals": "country_blocked", "action": "refuse"}
            assert (await go(HOME)).status_code == way.status


class TestASecondFactor:
    async def test_is_asked_for_in_a_trusted_browser_all_the_same(self, tmp_path: Path) -> None:
        async with at_home(tmp_path, **FREE, risk_new_country=Action.SECOND_FACTOR) as server:
            phone = await enrol(server, await server.sign_in(ADA, ip=HOME))
            browser = server.client(HOME)
            asked = {"transport": "cookie", "trustDevice": True, "mfaCode": phone.next_code()}
            assert (await login(server, ADA, browser, **asked)).status_code == 200
            assert (await login(server, ADA, browser, transport="cookie")).status_code == 200
            abroad = server.client(LINKOEPING)
            abroad.cookies = browser.cookies
            server.clock.advance(DAY)
            await server.mails()
            answer = await login(server, ADA, abroad, transport="cookie")
            assert (answer.status_code, answer.json()["code"]) == (401, "MFA_REQUIRED")
            (event,) = unusual(server)
            assert event.details == {"signals": "new_country", "action": "second-factor"}
            proof = {"mfaToken": answer.json()["mfaToken"], "code": phone.next_code()}
            done = await abroad.post("/auth/mfa/complete", json=proof)
            assert done.status_code == 200
            assert letters(server) == []  # the code has answered it

    async def test_gives_way_to_a_notice_for_who_has_none(self, tmp_path: Path) -> None:
        policy = {"risk_travel": Action.SECOND_FACTOR, "risk_new_country": Action.OFF}
        async with at_home(tmp_path, **FREE, **policy, risk_new_device=Action.OFF) as server:
            accepted(await login(server, ADA, ip=MILTON), 200, *SIGNED_IN)
            assert letters(server) == [("unusual_sign_in", "impossible_travel")]
            (event,) = unusual(server)
            assert event.details["action"] == "notice"

    async def test_of_a_wrong_code_leaves_the_token_good(self, tmp_path: Path) -> None:
        async with at_home(tmp_path, **FREE, risk_travel=Action.SECOND_FACTOR) as server:
            phone = await enrol(server, await server.sign_in(ADA, ip=HOME))
            token = (await login(server, ADA, ip=MILTON)).json()["mfaToken"]
            refused(await complete(server, token, code=phone.wrong_code()), 401, "MFA_INVALID")
            assert (await complete(server, token, code=phone.next_code())).status_code == 200


class TestANewDevice:
    """No database is needed for it."""

    @asynccontextmanager
    async def known(self, folder: Path, action: Action) -> AsyncIterator[tuple[Server, Any]]:
        """A browser that has signed in before."""
        async with serving(folder, **FREE, risk_new_device=action) as server:
            await server.register(ADA)
            browser = server.client()
            answer = await login(server, ADA, browser, transport="cookie")
            assert answer.status_code == 200  # the first one is never new
            await server.mails()
            yield server, browser

    async def test_is_refused_and_a_known_one_is_not(self, tmp_path: Path) -> None:
        async with self.known(tmp_path, Action.REFUSE) as (server, browser):
            again = await login(server, ADA, browser, transport="cookie")
            assert again.status_code == 200
            refused(await login(server, ADA, ip=HOME), 401, "INVALID_CREDENTIALS")
            assert letters(server) == [("unusual_sign_in", "refused new_device")]

    async def test_b06_is_not_made_known_by_its_likeness(self, tmp_path: Path) -> None:
        """The same user agent at the same address, without the cookie."""
        async with self.known(tmp_path, Action.REFUSE) as (server, _):
            answer = await login(server, ADA, server.client(), transport="cookie")
            refused(answer, 401, "INVALID_CREDENTIALS")

    async def test_is_told_of_as_before(self, tmp_path: Path) -> None:
        async with self.known(tmp_path, Action.NOTICE) as (server, _):
            assert (await login(server, ADA, ip=HOME)).status_code == 200
            assert letters(server) == [("new_device", "")]
            (event,) = unusual(server)
            assert event.details == {"signals": "new_device", "action": "notice"}

    async def test_is_nobodys_business_where_that_is_off(self, tmp_path: Path) -> None:
        async with self.known(tmp_path, Action.OFF) as (server, _):
            assert (await login(server, ADA, ip=HOME)).status_code == 200
            assert letters(server) == []
            assert unusual(server) == []

    async def test_asks_for_the_second_factor(self, tmp_path: Path) -> None:
        async with serving(tmp_path, **FREE, risk_new_device=Action.SECOND_FACTOR) as server:
            await server.register(ADA)
            phone = await enrol(server, await server.sign_in(ADA))
            await server.mails()
            answer = await login(server, ADA, ip=HOME)
            assert answer.json()["code"] == "MFA_REQUIRED"
            proof = {"code": phone.next_code()}
            assert (await complete(server, answer.json()["mfaToken"], **proof)).status_code == 200
            assert letters(server) == []


class TestAnAnonymiser:
    async def test_is_told_of(self, tmp_path: Path) -> None:
        put_places(tmp_path, ANONYMISERS)
        async with serving(tmp_path, **FREE) as server:
            await server.register(ADA)
            assert (await login(server, ADA, ip=VPN)).status_code == 200
            assert letters(server) == [("unusual_sign_in", "anonymiser")]
            assert "VPN" in (await server.mail()).text

    @pytest.mark.parametrize(("ip", "status"), [(VPN, 401), (DATA_CENTRE, 200)])
    async def test_is_refused_and_a_data_centre_by_itself_is_not(
        self, tmp_path: Path, ip: str, status: int
    ) -> None:
        policy = {**FREE, "risk_anonymiser": Action.REFUSE, "risk_new_device": Action.OFF}
        put_places(tmp_path, ANONYMISERS)
        async with serving(tmp_path, **policy) as server:
            await server.register(ADA)
            assert (await login(server, ADA, ip=ip)).status_code == status


class TestThePast:
    async def test_is_that_of_ended_sessions_as_well(self, tmp_path: Path) -> None:
        async with at_home(tmp_path, **FREE, risk_travel=Action.REFUSE) as server:
            ada = await server.sign_in(ADA, ip=HOME)
            assert (await ada.post("/auth/logout-all")).status_code == 200
            refused(await login(server, ADA, ip=MILTON), 401, "INVALID_CREDENTIALS")

    async def test_is_long_enough_ago_after_a_flight(self, tmp_path: Path) -> None:
        async with at_home(tmp_path, **FREE, risk_travel=Action.REFUSE) as server:
            server.clock.advance(9 * HOUR)
            assert (await login(server, ADA, ip=MILTON)).status_code == 200

    async def test_of_others_says_nothing(self, tmp_path: Path) -> None:
        async with at_home(tmp_path, **FREE, risk_travel=Action.REFUSE) as server:
            await server.register("bob@example.com")
            bob = await login(server, "bob@example.com", ip=MILTON)
            assert bob.status_code == 200

    async def test_is_asked_for_once_where_there_is_a_database(self, tmp_path: Path) -> None:
        async with at_home(tmp_path, **FREE) as server:
            assert await queries_of_a_sign_in(server, MILTON) == 1

    async def test_is_not_asked_for_without_a_database(self, tmp_path: Path) -> None:
        async with serving(tmp_path, **FREE) as server:
            await server.register(ADA)
            assert await queries_of_a_sign_in(server, MILTON) == 0

    async def test_is_not_asked_for_of_an_address_of_which_nothing_is_known(
        self, tmp_path: Path
    ) -> None:
        async with at_home(tmp_path, **FREE) as server:
            assert await queries_of_a_sign_in(server, "198.51.100.7") == 0

    async def test_is_not_asked_for_where_it_does_not_matter(self, tmp_path: Path) -> None:
        policy = {"risk_new_country": Action.OFF, "risk_travel": Action.OFF}
        async with at_home(tmp_path, **FREE, **policy) as server:
            assert await queries_of_a_sign_in(server, MILTON) == 0


async def queries_of_a_sign_in(server: Server, ip: str) -> int:
    """Those for earlier sessions."""
    seen: list[str] = []
    server.sqlite._reader.set_trace_callback(seen.append)
    server.sqlite._writer.connection.set_trace_callback(seen.append)
    holder = Holder(server.client(ip), (await login(server, ADA, ip=ip)).json())
    assert holder.access
    return sum("SELECT ip, created_at FROM" in sql for sql in seen)


class TestAnAddressOfThisNetwork:
    @pytest.mark.parametrize("ip", ["127.0.0.1", "10.0.0.9", "::1"])
    async def test_passes_where_only_some_countries_do(self, tmp_path: Path, ip: str) -> None:
        async with at_home(tmp_path, **FREE, countries_allowed=("GB",)) as server:
            assert (await login(server, ADA, ip=ip)).status_code == 200

    async def test_is_the_only_one_that_passes_without_a_database(self, tmp_path: Path) -> None:
        async with serving(tmp_path, **FREE, countries_allowed=("GB",)) as server:
            await server.register(ADA)
            refused(await login(server, ADA, ip=HOME), 403, "COUNTRY_BLOCKED")
            assert (await login(server, ADA, ip="10.0.0.9")).status_code == 200

    async def test_a_wrong_password_from_it_is_wrong(self, tmp_path: Path) -> None:
        async with at_home(tmp_path, **FREE, countries_allowed=("GB",)) as server:
            body = {"email": ADA, "password": PASSWORD + "!", "transport": "body"}
            answer = await server.client("10.0.0.9").post("/auth/login", json=body)
            refused(answer, 401, "INVALID_CREDENTIALS")
