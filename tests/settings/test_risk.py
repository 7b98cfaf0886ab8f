from pathlib import Path

import pytest

from tests.test_settings import load, problem
from watchword.domain.risk import Action, RiskPolicy


class TestTheActions:
    def test_are_notices_unless_somebody_says_otherwise(self, tmp_path: Path) -> None:
        assert load(tmp_path).risk_policy == RiskPolicy()
        assert {RiskPolicy().new_device, RiskPolicy().travel} == {Action.NOTICE}

    def test_are_chosen_one_by_one(self, tmp_path: Path) -> None:
        policy = load(
            tmp_path,
            RISK_NEW_DEVICE="off",
            RISK_NEW_COUNTRY="Second-Factor",
            RISK_TRAVEL="refuse",
            RISK_ANONYMISER="off",
        ).risk_policy
        assert policy.new_device is Action.OFF
        assert policy.new_country is Action.SECOND_FACTOR
        assert policy.travel is Action.REFUSE
        assert policy.anonymiser is Action.OFF

    def test_are_four(self, tmp_path: Path) -> None:
        told = problem(tmp_path, RISK_TRAVEL="block")
        assert "off, notice, second-factor, refuse" in told


class TestCountries:
    def test_are_codes_in_any_case(self, tmp_path: Path) -> None:
        policy = load(tmp_path, COUNTRIES_ALLOWED="de, FR", COUNTRIES_BLOCKED="kp").risk_policy
        assert policy.allowed == {"DE", "FR"}
        assert policy.blocked == {"KP"}

    @pytest.mark.parametrize("text", ["UK", "Germany", "DEU", "DE;FR", "D\u0130"])
    def test_that_do_not_exist_are_refused(self, tmp_path: Path, text: str) -> None:
        """They would protect nobody."""
        assert "ISO 3166-1" in problem(tmp_path, COUNTRIES_BLOCKED=text)

    def test_are_not_allowed_and_blocked_at_once(self, tmp_path: Path) -> None:
        told = problem(tmp_path, COUNTRIES_ALLOWED="DE,FR", COUNTRIES_BLOCKED="FR")
        assert "WATCHWORD_COUNTRIES_BLOCKED: FR is in WATCHWORD_COUNTRIES_ALLOWED" in told
