"""A list is cut where JSON ends its entries, wherever blocks end and whatever entries hold."""

import json
from io import BytesIO
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.cli import elements
from watchword.cli.elements import Element, Elements
from watchword.cli.formats import Unreadable

LONGEST = 1_000

TRICKY = [
    {"a": '"', "b": "\\", "c": '\\"', "d": "\\\\", "e": "},{", "f": "]", "g": "[{"},
    {"name": 'Ann "A" B, {C} [D]', "deep": [[], {"x": [1, 2, {"y": ","}]}]},
    {"ü": "\u2028 🔑", "empty": "", "null": None},
    {},
]


def read(text: str | bytes, members: str | None = None, longest: int = LONGEST) -> list[Any]:
    """Each entry as JSON tells it, or the reason why there is none."""
    content = text.encode() if isinstance(text, str) else text
    found = Elements(BytesIO(content), members=members, longest=longest)
    return [_told(one) for one in found]


def _told(element: Element) -> Any:
    if isinstance(element.content, Unreadable):
        return element.content.reason
    return json.loads(element.content)


@pytest.fixture(params=[1, 2, 3, 7, 65_536])
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many bytes are read at once."""
    monkeypatch.setattr(elements, "_CHUNK", request.param)


@pytest.mark.usefixtures("_block")
class TestAList:
    @pytest.mark.parametrize("indent", [None, 2])
    @pytest.mark.parametrize("ascii_only", [True, False])
    def test_is_cut_into_its_entries(self, indent: int | None, ascii_only: bool) -> None:
        text = json.dumps(TRICKY, indent=indent, ensure_ascii=ascii_only)
        assert read(text) == TRICKY
        assert read(" \n" + text + "\n") == TRICKY

    def test_is_found_in_an_object(self) -> None:
        around = {"a": {"users": [1]}, 'b"': 'x "users": [', "c": "users", "d": ["users", [2]]}
        text = json.dumps({**around, "users": TRICKY, "e": [3, {"users": [4]}], "f": "]"})
        assert read(text, "users") == TRICKY

    def test_is_found_where_it_is_the_whole(self) -> None:
        assert read("[{}]", "users") == [{}]

    @pytest.mark.parametrize("levels", [5, 6, 7, 8, 20])
    def test_is_cut_however_deep_its_entries_are(self, levels: int) -> None:
        """Those that lie within a few levels are cut in one go."""
        entry: Any = {"a": "}],"}
        for _ in range(levels):
            entry = {"x": [entry, '"', 1], "y": "\\"}
        assert read(json.dumps([entry, {}, entry])) == [entry, {}, entry]

    def test_may_be_empty(self) -> None:
        assert read("[]") == read(" [ ] ") == read('{"users": []}', "users") == []

    def test_goes_on_after_any_entry(self) -> None:
        text = json.dumps({"realm": "x", "users": TRICKY, "more": 1}).encode()
        whole = list(Elements(BytesIO(text), members="users", longest=LONGEST))
        for element in whole:
            rest = Elements(BytesIO(text), members="users", longest=LONGEST)
            rest.skip_to(element.number, element.end)
            assert list(rest) == whole[element.number :]

    def test_loses_nothing_but_an_entry_that_is_too_long(self) -> None:
        long = {"a": "x" * 2_000, "b": ['"', "\\", {"c": "]"}]}
        assert read(json.dumps([{}, long, {"a": 1}])) == [
            {},
            "This is longer than 1,000 bytes.",
            {"a": 1},
        ]


def test_a_byte_order_mark_is_no_part_of_a_list() -> None:
    assert read("\ufeff" + json.dumps(TRICKY)) == TRICKY


class TestWhatIsNotWhole:
    @pytest.mark.parametrize(
        "text", ["[{}", "[{},", '[{}, {"a": "', '{"users": [{}', '{"users": [{}]', "[{}}", "[{]}"]
    )
    def test_is_told_of_at_the_end(self, text: str) -> None:
        found = [
            one.content.reason
            for one in Elements(BytesIO(text.encode()), members="users", longest=LONGEST)
            if isinstance(one.content, Unreadable)
        ]
        assert len(found) == 1
        assert "not whole" in found[0]

    @pytest.mark.parametrize(
        "text", ["[{}][{}]", "[{}] x", '{"users": [{}], "users": []}', '{"users": [{}]} {}']
    )
    def test_or_more_than_whole_too(self, text: str) -> None:
        first, problem = read(text, "users")
        assert first == {}
        assert "There is more after the list" in problem

    @pytest.mark.parametrize(
        ("text", "members"),
        [
            *(("", None), ("{}", None), ('{"users": [{}]}', None), ('"[', None)),
            *(("x", "users"), ("{}", "users")),
            *(('{"a": [{"users": []}]}', "users"), ('{"users": {"a": []}}', "users")),
        ],
    )
    def test_or_no_list_at_all_is_refused(self, text: str, members: str | None) -> None:
        with pytest.raises(click.ClickException, match="no JSON list"):
            read(text, members)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


class TestAnyList:
    @given(st.lists(st.dictionaries(st.text(), JSON, max_size=5), max_size=6), st.booleans())
    def test_is_cut_as_json_tells_it(self, entries: list[Any], ascii_only: bool) -> None:
        text = json.dumps(entries, ensure_ascii=ascii_only)
        content = text.encode("utf-8", "surrogatepass")
        assert [
            json.loads(one.content.decode("utf-8", "surrogatepass"))
            for one in Elements(BytesIO(content), members=None, longest=1_000_000)
            if isinstance(one.content, bytes)
        ] == entries

    @given(st.text('[]{}",:\\ a1', max_size=40))
    def test_of_garbage_ends(self, text: str) -> None:
        found = list(Elements(BytesIO(b"[" + text.encode()), members=None, longest=LONGEST))
        assert [one.number for one in found] == list(range(1, len(found) + 1))
        assert len(found) <= len(text) + 1
