from pathlib import Path

import pytest

from tests.test_settings import load, problem
from watchword.settings import Settings

KEY = "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"


class TestTheDatabase:
    def test_is_in_the_data_directory_unless_it_is_named(self, tmp_path: Path) -> None:
        settings = load(tmp_path)
        assert settings.geo_file == tmp_path / "watchword-data" / "geo" / "places.mmdb"
        named = load(tmp_path, GEO_DATABASE="city.mmdb")
        assert named.geo_file == tmp_path / "city.mmdb"
        assert named.geo_dir == settings.geo_dir


class TestTheAccount:
    def test_comes_from_maxmind(self, tmp_path: Path) -> None:
        settings = load(tmp_path, MAXMIND_ACCOUNT_ID="123456", MAXMIND_LICENSE_KEY=KEY)
        assert settings.geo_source is not None
        assert settings.geo_source.startswith("https://download.maxmind.com/")

    def test_is_needed_before_anything_is_fetched(self, tmp_path: Path) -> None:
        assert load(tmp_path).geo_source is None
        assert load(tmp_path, GEO_DATABASE="city.mmdb").geo_source is None

    def test_has_both_a_number_and_a_key(self, tmp_path: Path) -> None:
        assert "missing beside" in problem(tmp_path, MAXMIND_ACCOUNT_ID="123456")
        assert "missing beside" in problem(tmp_path, MAXMIND_LICENSE_KEY=KEY)

    def test_shows_its_key_to_nobody(self, tmp_path: Path) -> None:
        settings = load(tmp_path, MAXMIND_ACCOUNT_ID="123456", MAXMIND_LICENSE_KEY=KEY)
        assert KEY not in repr(settings)
        assert KEY not in str(settings.describe())

    @pytest.mark.parametrize("key", ["a key", "key:password", "schlüssel"])
    def test_has_a_key_that_can_be_one(self, tmp_path: Path, key: str) -> None:
        told = problem(tmp_path, MAXMIND_ACCOUNT_ID="123456", MAXMIND_LICENSE_KEY=key)
        assert "letters, digits and underscores" in told
        assert key not in told


class TestAnAddressOfOnesOwn:
    @pytest.mark.parametrize(
        "url",
        [
            "https://mirror.example.com/city.tar.gz",
            "https://mirror.example.com:8443/a/b?suffix=tar.gz&edition=City",
            "http://127.0.0.1:9000/city.tar.gz",
        ],
    )
    def test_takes_the_place_of_maxminds(self, tmp_path: Path, url: str) -> None:
        assert load(tmp_path, GEO_DOWNLOAD_URL=url).geo_source == url
        assert Settings(geo_download_url=url).geo_source == url

    @pytest.mark.parametrize(
        "url",
        [
            *("mirror.example.com/city.tar.gz", "ftp://mirror.example.com/city.tar.gz"),
            *("https://user:secret@mirror.example.com/a", "https://mirror.example.com/a#b"),
            *("https://mirror.example.com/../a", "https://mirror.example.com/a?b=<c>"),
        ],
    )
    def test_is_an_address_and_nothing_else(self, tmp_path: Path, url: str) -> None:
        assert "Write scheme, host and path" in problem(tmp_path, GEO_DOWNLOAD_URL=url)

    @pytest.mark.parametrize("name", ["license_key", "LICENSE_KEY", "access-token", "password"])
    def test_holds_no_key_for_it_is_shown(self, tmp_path: Path, name: str) -> None:
        """MaxMind's older addresses had it there; the console and the doctor show the setting."""
        url = f"https://mirror.example.com/a?edition_id=City&{name}={KEY}&suffix=tar.gz"
        told = problem(tmp_path, GEO_DOWNLOAD_URL=url)
        assert "WATCHWORD_MAXMIND_LICENSE_KEY" in told
        assert KEY not in told

    def test_is_on_this_machine_where_nothing_is_encrypted(self, tmp_path: Path) -> None:
        told = problem(tmp_path, GEO_DOWNLOAD_URL="http://mirror.example.com/city.tar.gz")
        assert "https" in told
