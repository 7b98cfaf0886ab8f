"""CBOR as authenticators write it (CTAP2 canonical form), told from everything else in one pass.

Decoders for CBOR build dates, patterns and cycles from tags, and leave trailing bytes unread. What
comes from a stranger passes here first (attack W08).
"""

from typing import Final, NamedTuple

_MAX_DEPTH: Final = 4  # CTAP 2.1 section 8
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _, _SIMPLE = range(8)  # RFC 8949 section 3.1
_KEYS: Final = frozenset({_UNSIGNED, _NEGATIVE, _TEXT})
_LITERALS: Final = frozenset({20, 21, 22})  # false, true, null

_SHORT: Final = 24  # an argument below it stands in the first byte
_LENGTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}


class _Head(NamedTuple):
    """The start of an item (RFC 8949 section 3): its type, its argument, where its content is."""

    major: int
    argument: int
    content: int


def require_one_item(raw: bytes, start: int = 0) -> None:
    """Raise ValueError unless one item fills ``raw`` from ``start`` to its end."""
    if item_end(raw, start) != len(raw):
        raise ValueError("there is more than one item")


def item_end(raw: bytes, start: int, *, depth: int = _MAX_DEPTH) -> int:
    """Where the item that begins at ``start`` ends.

    ValueError for a tag, an indefinite or padded length, a number with a fraction, a map key that
    is neither a number nor text, more than four levels, and for what is cut short.
    """
    head = _read_head(raw, start)
    end = head.content
    if head.major in {_BYTES, _TEXT}:
        end += head.argument
    elif head.major in {_ARRAY, _MAP} and depth > 0:
        return _members_end(raw, head, depth - 1)
    elif head.major == _SIMPLE and head.argument not in _LITERALS:
        raise ValueError("not a literal that authenticators write")
    elif head.major not in {_UNSIGNED, _NEGATIVE, _SIMPLE}:
        raise ValueError("a tag, or too deep")
    if end > len(raw):
        raise ValueError("cut short")
    return end


def _members_end(raw: bytes, head: _Head, depth: int) -> int:
    at = head.content
    for _ in range(head.argument):
        if head.major == _MAP:
            if _read_head(raw, at).major not in _KEYS:
                raise ValueError("not a key")
            at = item_end(raw, at, depth=depth)
        at = item_end(raw, at, depth=depth)
    return at


def _read_head(raw: bytes, at: int) -> _Head:
    if at >= len(raw):
        raise ValueError("cut short")
    major, short = raw[at] >> 5, raw[at] & 31
    if short < _SHORT:
        return _Head(major, short, at + 1)
    length = _LENGTHS.get(short, 0)
    content = at + 1 + length
    if not length or content > len(raw):
        raise ValueError("cut short, or without an end")
    argument = int.from_bytes(raw[at + 1 : content], "big")
    # The shortest spelling only: decoders count on it to find where an item ends.
    if argument < (_SHORT if length == 1 else 1 << 4 * length):
        raise ValueError("padded")
    return _Head(major, argument, content)
