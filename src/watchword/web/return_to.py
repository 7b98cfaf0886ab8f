"""Where a browser may be sent when it comes back: a path of this site, however one spells it.

Browsers drop tabs and line ends from an address, take a backslash for a slash, and a proxy may
decode it once more, so each of these could turn a path into another host (attack O09).
"""

import re
from typing import Final
from urllib.parse import unquote

from watchword.domain.errors import FieldError, Invalid

LONGEST: Final = 2_048
_MOST_DECODINGS: Final = 8
_VISIBLE: Final = re.compile(r"[!-~]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def require_on_site(return_to: str) -> str:
    """``return_to`` itself: an absolute path, percent-encoded (RFC 3986 section 3.3), with a query
    and a fragment if need be. Raise `Invalid` for anything else.
    """
    if len(return_to) > LONGEST or not _VISIBLE.fullmatch(return_to):
        raise _refusal()
    text = return_to
    for _ in range(_MOST_DECODINGS):
        if not _stays(text):
            raise _refusal()
        decoded = unquote(text)
        if decoded == text:
            return return_to
        text = decoded
    raise _refusal()


def _stays(text: str) -> bool:
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    return (
        path.startswith("/")
        and "//" not in path
        and "\\" not in path
        and _CONTROL.search(text) is None
    )


def _refusal() -> Invalid:
    return Invalid(FieldError("returnTo", "This must be a path of this site, such as /account."))
