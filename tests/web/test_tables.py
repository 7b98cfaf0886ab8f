"""What is listed, page by page: each row once, and no cell a formula."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.ports import Page, PageRequest
from watchword.web.tables import Format, each_page, head, lines, quoted, unquoted


class Row(msgspec.Struct, rename="camel"):
    some_name: str
    is_so: bool
    details: msgspec.Raw
    nothing: str | None = None


ROW = Row('ü, "x"', True, msgspec.Raw(b'{"a":1}'))


class TestACell:
    @pytest.mark.parametrize(
        "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", " =", "\xa0+"]
    )
    def test_that_starts_a_formula_is_quoted(self, start: str) -> None:
        assert quoted(f"{start}1") == f"'{start}1"

    @pytest.mark.parametrize("cell", ["", "a=1", "O'Hara", "'tis", "2026-11-20", "$2b$"])
    def test_of_anything_else_is_left_alone(self, cell: str) -> None:
        assert quoted(cell) == cell

    @given(st.text(alphabet="'=+-@ a\t\uff1d\n"))
    def test_is_what_it_was_once_it_is_unquoted(self, cell: str) -> None:
        assert unquoted(quoted(cell)) == cell


class TestRows:
    def test_are_csv_under_the_names_of_their_columns(self) -> None:
        assert head(Row, Format.CSV) == b'"someName","isSo","details","nothing"\n'
        written = lines([ROW], Row, Format.CSV).decode()
        assert written == '"ü, ""x""","true","{""a"":1}",""\n'

    def test_are_json_line_by_line(self) -> None:
        assert head(Row, Format.NDJSON) == b""
        written = lines([ROW] * 2, Row, Format.NDJSON).splitlines()
        told = {"someName": 'ü, "x"', "isSo": True, "details": {"a": 1}, "nothing": None}
        assert [msgspec.json.decode(line) for line in written] == [told] * 2

    async def test_come_page_by_page_until_there_is_no_more(self) -> None:
        asked: list[str | None] = []

        async def read(request: PageRequest) -> Page[int]:
            asked.append(request.after)
            return Page([len(asked)], None if len(asked) == 3 else str(len(asked)))

        assert [list(page) async for page in each_page(read)] == [[1], [2], [3]]
        assert asked == [None, "1", "2"]
