"""What goes back: a status, bytes, and headers; JSON by one encoder."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

Header = tuple[bytes, bytes]

JSON: Final = (b"content-type", b"application/json; charset=utf-8")
PROBLEM: Final = (b"content-type", b"application/problem+json; charset=utf-8")

encode: Final = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Answer:
    """``headers`` beyond those that every answer carries."""

    status: int
    body: bytes = b""
    headers: list[Header] = field(default_factory=list)


def as_json(content: msgspec.Struct, *, status: int = 200) -> Answer:
    return Answer(status, encode(content), [JSON])
