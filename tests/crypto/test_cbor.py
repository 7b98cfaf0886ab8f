"""CBOR passes only in the form that authenticators write, whoever wrote it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webauthn.helpers import encode_cbor, parse_cbor
from webauthn.helpers.exceptions import InvalidCBORData

from watchword.crypto.cbor import item_end, require_one_item

keys = st.integers(-(2**64), 2**64 - 1) | st.text(max_size=5)
leaves = keys | st.binary(max_size=300) | st.booleans() | st.none()


def nested(depth: int) -> st.SearchStrategy[object]:
    if depth == 0:
        return leaves
    inner = nested(depth - 1)
    return leaves | st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)


@given(nested(4))
def test_what_is_encoded_canonically_passes(value: object) -> None:
    require_one_item(encode_cbor(value))


@given(first=nested(2), rest=st.binary(min_size=1, max_size=20))
def test_w08_the_end_is_found_whatever_follows(first: object, rest: bytes) -> None:
    raw = encode_cbor(first)
    assert item_end(raw + rest, 0) == len(raw)
    with pytest.raises(ValueError, match="more than one"):
        require_one_item(raw + rest)


@given(value=nested(3), cut=st.integers(1, 400))
def test_w08_what_is_cut_short_is_refused(value: object, cut: int) -> None:
    raw = encode_cbor(value)[:-cut]
    with pytest.raises(ValueError, match="cut short"):
        require_one_item(raw)


@given(st.binary(max_size=200))
def test_w08_any_bytes_are_refused_or_read_as_long_as_they_are(raw: bytes) -> None:
    """The decoder also refuses text that is not UTF-8, and a name that occurs twice."""
    with suppress(ValueError, InvalidCBORData):
        require_one_item(raw)
        assert len(encode_cbor(parse_cbor(raw))) == len(raw)


@pytest.mark.parametrize(
    ("what", "raw"),
    [
        ("nothing", b""),
        ("a depth bomb of arrays", b"\x81" * 10_000 + b"\x00"),
        ("a depth bomb of maps", b"\xa1\x00" * 10_000 + b"\x00"),
        ("five levels", b"\x81\x81\x81\x81\x81\x00"),
        ("a length beyond the end", b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("a count beyond the end", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("a map that is as long", b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x00"),
        ("bytes without an end", b"\x5f\x41\x00\xff"),
        ("an array without an end", b"\x9f\x00\xff"),
        ("a map without an end", b"\xbf\x00\x00\xff"),
        ("a break alone", b"\xff"),
        ("a date", b"\xc1\x00"),
        ("a big number", b"\xc2\x41\x01"),
        ("a fraction", b"\xc5\x82\x1b\x00\xff\xff\xff\xff\xff\xff\xff\x01"),
        ("a pattern", b"\xd8\x23\x66(a+)+$"),
        ("a cycle", b"\xd8\x1c\x81\xd8\x1d\x00"),
        ("undefined", b"\xf7"),
        ("a simple value", b"\xf8\x20"),
        ("half a number", b"\xf9\x3c\x00"),
        ("a number with a fraction", b"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00"),
        ("a padded number", b"\x18\x17"),
        ("a padded length", b"\x59\x00\x01\x00"),
        ("a padded count", b"\x9a\x00\x00\x00\x01\x00"),
        ("a reserved length", b"\x1c"),
        ("a key of bytes", b"\xa1\x40\x00"),
        ("a key that is true", b"\xa1\xf5\x00"),
        ("a key that is an array", b"\xa1\x80\x00"),
    ],
)
def test_w08_hostile_cbor_is_refused(what: str, raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        require_one_item(raw)
