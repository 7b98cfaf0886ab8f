"""Cookies, read strictly and written narrowly.

Python's usual parsers strip Unicode white space and settle duplicates in silence, so a sibling
host can pass its cookie off as ours (attacks S02, S03). Here a name is its exact bytes, a second
cookie of a name we own is an error, and only space and tab around a pair are dropped.
"""

from collections.abc import Iterable

from watchword.domain.errors import Malformed
from watchword.domain.time import SECOND, Span


def read_cookies(header_values: Iterable[bytes], owned: frozenset[bytes]) -> dict[bytes, str]:
    """The cookies whose name is in ``owned``. Raise `Malformed` when one comes twice."""
    found: dict[bytes, str] = {}
    for header in header_values:
        for pair in header.split(b";"):
            name, equals, value = pair.strip(b" \t").partition(b"=")
            if not equals or name not in owned:
                continue
            if name in found:
                raise Malformed("A cookie was sent twice.")
            found[name] = value.decode("latin-1")
    return found


class CookieNames:
    """On an https public URL the names are bound to the host (``__Host-``: Secure, Path=/, no
    Domain), so that no sibling host can set them.
    """

    def __init__(self, is_https: bool) -> None:  # noqa: FBT001  the one thing it depends on
        prefix = "__Host-" if is_https else ""
        self.is_https = is_https
        self.refresh = f"{prefix}refreshToken"
        self.session = f"{prefix}session"
        self.device = f"{prefix}device"
        self.magic = f"{prefix}magicLink"
        self.federation = f"{prefix}federation"
        names = (self.refresh, self.session, self.device, self.magic, self.federation)
        self.owned = frozenset(name.encode() for name in names)

    def set(
        self,
        name: str,
        value: str,
        *,
        strict: bool,
        lifetime: Span | None,
        posts_back: bool = False,
    ) -> bytes:
        """A Set-Cookie value; ``lifetime`` in ms, None for as long as the browser is open. With
        ``posts_back`` another site's form post carries it, where browsers allow that: on https.
        """
        parts = [f"{name}={value}", "Path=/", "HttpOnly"]
        lax = "None" if posts_back and self.is_https else "Lax"
        parts.append("SameSite=Strict" if strict else f"SameSite={lax}")
        if self.is_https:
            parts.append("Secure")
        if lifetime is not None:
            parts.append(f"Max-Age={lifetime // SECOND}")
        return "; ".join(parts).encode("ascii")

    def clear(self, name: str, *, strict: bool) -> bytes:
        return self.set(name, "", strict=strict, lifetime=0)
