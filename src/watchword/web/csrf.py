"""Requests that another site made a browser send are refused before anything else is looked at.

A browser says where a request comes from in ``Sec-Fetch-Site`` and ``Origin``. With neither it is
no browser, or an old one: then only a content type that a form cannot have is let through.
"""

from dataclasses import dataclass

from watchword.domain.errors import CsrfFailed

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class CsrfGuard:
    """``origins``: the public URL's own and those of WATCHWORD_CORS_ORIGINS, as bytes."""

    origins: frozenset[bytes]

    def require_own(
        self, fetch_site: bytes | None, origin: bytes | None, content_type: bytes | None
    ) -> None:
        """Raise `CsrfFailed` for a request that may have been forged (attacks S05, S08-S10)."""
        if fetch_site in {b"same-origin", b"none"}:
            return
        if origin is not None and origin in self.origins:
            return
        is_browser = fetch_site is not None or origin is not None
        if is_browser or _media_type(content_type) != b"application/json":
            raise CsrfFailed


def _media_type(content_type: bytes | None) -> bytes:
    return (content_type or b"").partition(b";")[0].strip(b" \t").lower()
