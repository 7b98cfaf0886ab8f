"""Long lists in pages: a limit, and a cursor that is opaque, signed, and of one list only."""

from watchword.crypto.jws import InvalidToken
from watchword.domain.errors import FieldError, Invalid
from watchword.ports import PageRequest
from watchword.web.call import Call

_DEFAULT_LIMIT = 50
_LARGEST_LIMIT = 200


def page_of(call: Call, query: dict[str, str], listing: str) -> PageRequest:
    """Cursors are opaque and signed, and of one listing only (attack I06)."""
    text = query.get("limit", str(_DEFAULT_LIMIT))
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST_LIMIT))
    if not is_number or not 1 <= int(text) <= _LARGEST_LIMIT:
        raise Invalid(FieldError("limit", f"Use a number from 1 to {_LARGEST_LIMIT}."))
    after = None
    if query.get("cursor"):
        try:
            name, _, after = call.services.cursors.read(query["cursor"]).partition(":")
        except InvalidToken:
            name = ""
        if name != listing:
            raise Invalid(FieldError("cursor", "This is not a cursor of this list."))
    return PageRequest(int(text), after)


def cursor_of(call: Call, following: str | None, listing: str) -> str | None:
    if following is None:
        return None
    return call.services.cursors.sign(f"{listing}:{following}")
