from pathlib import Path

import pytest

from tests.driving import serving
from watchword.bootstrap.places import make_source
from watchword.crypto.secret import Secret
from watchword.settings import Settings

KEY = Secret(b"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")


class TestTheSource:
    def test_is_none_unless_somebody_has_named_one(self) -> None:
        assert make_source(Settings()) is None
        assert make_source(Settings(geo_database=Path("city.mmdb"))) is None

    @pytest.mark.parametrize(
        "settings",
        [
            {"maxmind_account_id": 123_456, "maxmind_license_key": KEY},
            {"geo_download_url": "https://mirror.example.com/city.tar.gz"},
        ],
        ids=["an account", "a mirror"],
    )
    def test_is_there_with_an_account_or_a_mirror(self, settings: dict[str, object]) -> None:
        assert make_source(Settings(**settings)) is not None  # type: ignore[arg-type]


class TestTheStart:
    async def test_waits_for_no_server(self, tmp_path: Path) -> None:
        """Nobody answers there, and nobody has asked when it is done."""
        nobody = "http://127.0.0.1:1/city.tar.gz"
        async with serving(tmp_path, geo_download_url=nobody) as server:
            assert (await server.client().get("/health/ready")).status_code == 200
            assert not [event for event, _ in server.log.events if "places" in event]
