"""What a thief learns from a sign-in that is refused for its risk: nothing (docs/risk.md)."""

from pathlib import Path
from typing import Any

import pytest

from tests.adapters.maxmind.archives import MILTON
from tests.web.contract import events, refused, rows
from tests.web.federated import Browser, beside
from tests.web.mailed import ADA
from tests.web.places import put_places
from tests.web.risky import FREE, at_home, letters, unusual
from tests.web.second_factor import enrol, login
from tests.web.ways_in import HOME
from watchword.domain.risk import Action


class TestARefusal:
    @pytest.mark.parametrize("countries", [{}, {"countries_blocked": ("US",)}])
    async def test_e01_is_that_of_a_wrong_password_however_often_one_tries(
        self, tmp_path: Path, countries: dict[str, Any]
    ) -> None:
        """Nor do the counts tell: neither those of the address nor those of the account."""
        policy = {"risk_travel": Action.REFUSE, "limit_sign_in": None, **countries}
        async with at_home(tmp_path, **policy) as server:
            await server.register("bob@example.com")
            right, wrong = [], []
            for _ in range(7):
                answer = await login(server, ADA, ip=MILTON)
                right.append((answer.status_code, answer.json()["code"], answer.json()["detail"]))
                client = server.client(MILTON)
                body = {"email": "bob@example.com", "password": "no", "transport": "body"}
                answer = await client.post("/auth/login", json=body)
                wrong.append((answer.status_code, answer.json()["code"], answer.json()["detail"]))
            assert right == wrong
            assert {status for status, _, _ in right} == {401, 429}
            locked = [event for event in events(server) if event.type == "account.locked"]
            assert len(locked) == 2

    async def test_e01_counts_against_the_client_address_as_a_wrong_password_does(
        self, tmp_path: Path
    ) -> None:
        policy = {"risk_travel": Action.REFUSE, "lockout_policy": None}
        async with at_home(tmp_path, **policy) as server:
            answers = [await login(server, ADA, ip=MILTON) for _ in range(6)]
            assert [answer.status_code for answer in answers] == [401] * 5 + [429]

    async def test_e01_of_a_country_is_told_to_nobody_without_the_password(
        self, tmp_path: Path
    ) -> None:
        async with at_home(tmp_path, **FREE, countries_blocked=("US",)) as server:
            for email in (ADA, "nobody@example.com"):
                body = {"email": email, "password": "no", "transport": "body"}
                answer = await server.client(MILTON).post("/auth/login", json=body)
                refused(answer, 401, "INVALID_CREDENTIALS")
            assert unusual(server) == []

    async def test_of_a_country_locks_nobody_out(self, tmp_path: Path) -> None:
        """Its owner has failed at nothing."""
        policy = {"limit_sign_in": None, "countries_blocked": ("US",)}
        async with at_home(tmp_path, **policy) as server:
            for _ in range(7):
                refused(await login(server, ADA, ip=MILTON), 403, "COUNTRY_BLOCKED")

    async def test_comes_before_the_second_factor_is_asked_for(self, tmp_path: Path) -> None:
        async with at_home(tmp_path, **FREE, risk_travel=Action.REFUSE) as server:
            phone = await enrol(server, await server.sign_in(ADA, ip=HOME))
            refused(await login(server, ADA, ip=MILTON), 401, "INVALID_CREDENTIALS")
            answer = await login(server, ADA, ip=MILTON, mfaCode=phone.wrong_code())
            refused(answer, 401, "INVALID_CREDENTIALS")

    async def test_fills_no_mailbox(self, tmp_path: Path) -> None:
        policy = {**FREE, "risk_travel": Action.REFUSE}
        del policy["limit_mail"]
        async with at_home(tmp_path, **policy) as server:
            for _ in range(8):
                refused(await login(server, ADA, ip=MILTON), 401, "INVALID_CREDENTIALS")
            assert len(letters(server)) == 3
            assert len(unusual(server)) == 8

    async def test_makes_no_account_by_a_provider_from_a_blocked_country(
        self, tmp_path: Path
    ) -> None:
        put_places(tmp_path)
        async with beside(tmp_path, **FREE, countries_blocked=("US",)) as scene:
            scene.become("eve-1", "eve@example.com")
            browser = Browser(scene, scene.server.client(MILTON))
            refused(await browser.sign_in(), 403, "COUNTRY_BLOCKED")
            assert rows(scene.server, "SELECT id FROM users") == []
            assert letters(scene.server) == []
            (event,) = unusual(scene.server)
            assert event.subject is None

    async def test_says_in_the_mail_what_was_unusual_and_where(self, tmp_path: Path) -> None:
        async with at_home(tmp_path, **FREE, risk_travel=Action.REFUSE) as server:
            await login(server, ADA, ip=MILTON)
            mail = await server.mail()
            assert mail.subject == "A sign-in at Watchword was refused"
            assert "too far away" in mail.text
            assert f"Milton, United States ({MILTON})" in mail.text
            assert "not known before" not in mail.text
