import pytest

from watchword.adapters.sql.postgres.address import Address, AddressInvalid

URL = "postgresql://ada:hunter2@db.example:5433/auth"


class TestAnAddress:
    @pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
    def test_begins_with_any_of_the_usual_names(self, scheme: str) -> None:
        parsed = Address.parse(URL.replace("postgresql", scheme, 1))
        assert parsed.dsn == f"{URL}?target_session_attrs=read-write"

    def test_does_not_show_its_password(self) -> None:
        assert "hunter2" not in repr(Address.parse(URL))

    def test_keeps_what_the_driver_reads_and_takes_what_is_ours(self) -> None:
        options = "sslmode=verify-full&statement_cache_size=9"
        parsed = Address.parse(f"{URL}?{options}&target_session_attrs=any", pool_size=25)
        assert parsed.dsn == f"{URL}?sslmode=verify-full&target_session_attrs=any"
        assert (parsed.pool_size, parsed.statements) == (25, 9)

    def test_bounds_every_statement_unless_its_url_says_otherwise(self) -> None:
        assert Address.parse(URL).settings["statement_timeout"] == "30000"
        assert "statement_timeout" not in Address.parse(f"{URL}?statement_timeout=9s").settings

    def test_asks_nothing_of_a_pooler_that_it_would_refuse(self) -> None:
        assert Address.parse(f"{URL}?statement_cache_size=0").settings == {}

    @pytest.mark.parametrize(
        "url",
        [
            "mysql://hunter2@db/auth",
            f"{URL}?statement_cache_size=hunter2",
            f"{URL}?statement_cache_size=1001",
            f"{URL}?statement_cache_size=-1",
            f"{URL}?statement_cache_size=",
        ],
    )
    def test_that_cannot_be_one_is_refused_without_being_repeated(self, url: str) -> None:
        with pytest.raises(AddressInvalid) as raised:
            Address.parse(url)
        assert "hunter2" not in str(raised.value)
