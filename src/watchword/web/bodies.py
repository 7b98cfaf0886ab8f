"""Bodies: read within limits, parsed strictly, and checked field by field."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from functools import cache, lru_cache
from types import coroutine
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec

from watchword.crypto import strict_json
from watchword.domain.errors import FieldError, Invalid, Malformed
from watchword.web.errors import TooLarge, UnsupportedMediaType

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
T = TypeVar("T")
Body = TypeVar("Body", bound=msgspec.Struct)

JSON_TYPE: Final = b"application/json"
FORM_TYPE: Final = b"application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 64
_MOST_DIGITS: Final = 18
_LONGEST_PAIRS: Final = 16_384  # a code of 4,096 characters, and what stands beside it


class Disconnected(Exception):
    """The client went away before its request was whole."""


@lru_cache(maxsize=64)
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
    body = bytearray()
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        message = await _within(deadline, receive())
        if message["type"] == "http.disconnect":
            raise Disconnected
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > limit:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)


async def _within(deadline: float, message: Awaitable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Most bodies came with their heads: what is there already is taken without a timer."""
    steps = message.__await__()
    try:
        first = next(steps)
    except StopIteration as done:
        there: Mapping[str, Any] = done.value
        return there
    try:
        async with asyncio.timeout_at(deadline):
            return await _go_on(steps, first)
    except TimeoutError:
        raise Malformed("The request took too long to arrive.") from None


@coroutine
def _go_on(steps: Generator[Any, Any, T], wish: object) -> Generator[Any, Any, T]:
    """Await what has taken its first step already, and wished for something (PEP 380)."""
    try:
        while True:
            try:
                given = yield wish
            except BaseException as thrown:  # noqa: BLE001  a cancellation, which is for it
                wish = steps.throw(thrown)
            else:
                wish = next(steps) if given is None else steps.send(given)
    except StopIteration as done:
        return cast("T", done.value)


def parse_json(raw: bytes) -> dict[str, object]:
    """Raise `Malformed` for what is no JSON object, or not read alike by everybody (attack I03)."""
    try:
        return strict_json.decode(raw)
    except ValueError:
        raise Malformed("The body is not a JSON object that can be read.") from None


def read_pairs(raw: bytes) -> Sequence[tuple[str, str]]:
    """What another site sends by way of the browser, doubles included. Raise `Malformed`."""
    if len(raw) > _LONGEST_PAIRS:
        raise Malformed("This is too long.")
    try:
        return parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS,
            errors="strict",
        )  # fmt: skip
    except ValueError:
        raise Malformed("The parameters cannot be read.") from None


def parse_form(raw: bytes) -> dict[str, object]:
    """The fields of a form. Raise `Malformed` when one comes twice (ASVS 15.3.7)."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw),
            max_num_fields=_MOST_FIELDS, errors="strict",
        )  # fmt: skip
    except ValueError:
        raise Malformed("The form cannot be read.") from None
    fields: dict[str, object] = dict(pairs)
    if len(fields) != len(pairs):
        raise Malformed("A field of the form comes twice.")
    return fields


_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def convert(fields: Mapping[str, object], kind: type[Body]) -> Body:
    """``fields`` as a ``kind``. Raise `Invalid` that names every field that is wrong: missing, of
    another type, unknown (attacks A01, I04), or holding text that no database should see (I01).
    """
    known = _fields_of(kind)
    if fields.keys() <= known.keys() and not any(map(_is_unfit, fields.values())):
        try:
            return msgspec.convert(fields, kind)
        except msgspec.ValidationError:
            pass  # each field is looked at by itself below
    raise Invalid(*_errors_of(fields, known))


def _errors_of(
    fields: Mapping[str, object], known: Mapping[str, msgspec.structs.FieldInfo]
) -> list[FieldError]:
    errors = [
        FieldError(_shown(name), "This field is not known here.")
        for name in fields
        if name not in known
    ]
    for name, field in known.items():
        if name not in fields:
            if field.required:
                errors.append(FieldError(name, "This field is required."))
        elif _is_unfit(fields[name]):
            errors.append(FieldError(name, "This text holds characters that are not allowed."))
        else:
            try:
                msgspec.convert(fields[name], field.type)
            except msgspec.ValidationError as error:
                errors.append(FieldError(name, _sentence(str(error))))
    return errors


@cache
def _fields_of(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def _is_unfit(value: object) -> bool:
    return isinstance(value, str) and _UNSTORABLE.search(value) is not None


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
