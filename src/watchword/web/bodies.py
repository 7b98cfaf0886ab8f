"""Bodies: read within limits, parsed strictly, and checked field by field."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import parse_qsl

import msgspec

from watchword.domain.errors import FieldError, Invalid, Malformed
from watchword.web.errors import TooLarge, UnsupportedMediaType

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Body = TypeVar("Body", bound=msgspec.Struct)

JSON_TYPE: Final = b"application/json"
FORM_TYPE: Final = b"application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 64
_MOST_DIGITS: Final = 18


class Disconnected(Exception):
    """The client went away before its request was whole."""


def media_type(content_type: bytes | None, content_encoding: bytes | None) -> bytes:
    """The media type, if we read it at all. Raise `UnsupportedMediaType` (attack I11)."""
    kind, _, parameters = (content_type or b"").partition(b";")
    kind = kind.strip(b" \t").lower()
    charset = parameters.strip(b" \t").lower().replace(b'"', b"")
    if content_encoding is not None or charset not in {b"", b"charset=utf-8"}:
        raise UnsupportedMediaType
    if kind not in {JSON_TYPE, FORM_TYPE}:
        raise UnsupportedMediaType
    return kind


def announced_size(content_length: bytes | None) -> int | None:
    """In bytes, None when it is not said. Raise `Malformed` for what is no plain number, and
    `TooLarge` for one that nobody needs to read (attack X03).
    """
    if content_length is None:
        return None
    if not content_length.isdigit():
        raise Malformed("Content-Length must be a number.")
    if len(content_length) > _MOST_DIGITS:
        raise TooLarge
    return int(content_length)


async def read_body(receive: Receive, *, limit: int, seconds: float) -> bytes:
    """The whole body. Raise `TooLarge` past ``limit`` bytes, `Malformed` past ``seconds``."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                part: bytes = message.get("body", b"")
                size += len(part)
                if size > limit:
                    raise TooLarge
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise Malformed("The request took too long to arrive.") from None


def parse_json(raw: bytes) -> dict[str, object]:
    """A JSON object without repeated names, NaN or endless numbers (attack I03)."""
    try:
        value = _JSON.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Malformed("The body is not a JSON object that can be read.") from None
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.")
    return value


def parse_form(raw: bytes) -> dict[str, object]:
    """The fields of a form. Raise `Malformed` when one comes twice (ASVS 15.3.7)."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw),
            max_num_fields=_MOST_FIELDS, errors="strict",
        )  # fmt: skip
        return dict(_unique(list(pairs)))
    except ValueError:
        raise Malformed("The form cannot be read.") from None


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(members)
    if len(unique) != len(members):
        raise ValueError("a name occurs twice")
    return unique


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_JSON: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def convert(fields: Mapping[str, object], kind: type[Body]) -> Body:
    """``fields`` as a ``kind``. Raise `Invalid` that names every field that is wrong: missing, of
    another type, unknown (attacks A01, I04), or holding text that no database should see (I01).
    """
    known = _fields_of(kind)
    errors = [
        FieldError(_shown(name), "This field is not known here.")
        for name in fields
        if name not in known
    ]
    values: dict[str, object] = {}
    for name, field in known.items():
        if name not in fields:
            if field.required:
                errors.append(FieldError(name, "This field is required."))
            continue
        try:
            values[field.name] = msgspec.convert(_clean(fields[name]), field.type)
        except (msgspec.ValidationError, ValueError) as error:
            errors.append(FieldError(name, _sentence(str(error))))
    if errors:
        raise Invalid(*errors)
    return kind(**values)


@cache
def _fields_of(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def _clean(value: object) -> object:
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise ValueError("This text holds characters that are not allowed.")
    return value


def _shown(name: str) -> str:
    return name[:64].encode("ascii", "backslashreplace").decode()


def _sentence(library: str) -> str:
    """The library's word for a wrong type, in ours."""
    for ours, theirs in _TYPES.items():
        if theirs in library:
            return ours
    return library if library.endswith(".") else "This value is not valid."


# The length first: the library tells of it as of a type.
_TYPES: Final = {
    "This is too long.": "of length <=",
    "This must be text.": "Expected `str",
    "This must be true or false.": "Expected `bool",
    "This must be a whole number.": "Expected `int",
    "This is not one of the values allowed here.": "Invalid enum value",
}
