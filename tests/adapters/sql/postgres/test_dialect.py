import pytest

from watchword.adapters.sql.postgres.dialect import Dialect
from watchword.adapters.sql.statements import HELD, Value

SQL = f"SELECT :a, x::text, 'k:%' FROM users u WHERE a = :b_c OR b = :a {HELD}"


class TestATranslation:
    def test_numbers_each_name_once_and_holds_what_a_transaction_reads(self) -> None:
        text, values = Dialect(holds=True).translate(SQL, {"b_c": 2, "a": 1, "unused": 3})
        assert text == (
            "SELECT $1, x::text, 'k:%' FROM users u WHERE a = $2 OR b = $1  FOR NO KEY UPDATE OF u "
        )
        assert values == [1, 2]

    def test_holds_nothing_for_who_only_looks(self) -> None:
        text, _ = Dialect(holds=False).translate(SQL, {"b_c": 2, "a": 1})
        assert "UPDATE" not in text

    @pytest.mark.parametrize(
        ("value", "stored"), [("a\0b", "a\ufffdb"), ("a", "a"), (b"\0", b"\0"), (0, 0)]
    )
    def test_sends_no_text_that_could_not_be_stored(self, value: Value, stored: Value) -> None:
        assert Dialect(holds=False).translate("SELECT :a", {"a": value})[1] == [stored]
