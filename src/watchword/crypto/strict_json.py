"""JSON that means one thing: no name twice in an object, no NaN, no endless number.

Readers differ in which of two members of one name they take, so text that one of them lets pass may
say another thing to the next (attack I03; RFC 7519 section 4 for claims).
"""

import json
import math
from typing import Any, Final, NoReturn


def decode(text: bytes) -> dict[str, object]:
    """The object that ``text`` (UTF-8) holds. Raise `ValueError` for anything else."""
    try:
        value = _JSON.decode(text.decode("utf-8"))
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004  of the text, not of an argument
    return value


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(members)
    if len(unique) != len(members):
        raise ValueError("a name occurs twice")
    return unique


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is beyond reach")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_JSON: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse
)
