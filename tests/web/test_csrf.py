import pytest

from watchword.domain.errors import CsrfFailed
from watchword.web.csrf import SAFE_METHODS, CsrfGuard

OWN, APP, EVIL = b"https://auth.example.com", b"https://app.example.com", b"https://evil.example"
JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"

guard = CsrfGuard(frozenset({OWN, APP}))


def test_only_methods_that_read_are_safe() -> None:
    assert {"GET", "HEAD", "OPTIONS"} == SAFE_METHODS


@pytest.mark.parametrize(
    ("fetch_site", "origin", "content_type"),
    [
        (b"same-origin", None, FORM),
        (b"same-origin", OWN, FORM),
        (b"none", None, None),
        (None, OWN, FORM),
        (None, APP, FORM),
        (b"same-site", APP, JSON),
        (b"cross-site", APP, JSON),
        (None, None, JSON),
        (None, None, b"Application/JSON"),
        (None, None, b" application/json ; charset=utf-8"),
    ],
)
def test_a_request_of_ours_passes(
    fetch_site: bytes | None, origin: bytes | None, content_type: bytes | None
) -> None:
    guard.require_own(fetch_site, origin, content_type)


@pytest.mark.parametrize(
    ("fetch_site", "origin", "content_type"),
    [
        (b"cross-site", None, JSON),
        (b"cross-site", EVIL, JSON),
        (b"cross-site", b"null", JSON),
        (b"same-site", None, JSON),
        (b"same-site", b"https://sibling.example.com", JSON),
        (b"", None, JSON),
        (b"Same-Origin", None, JSON),
        (b"same-origin, cross-site", None, JSON),
        (None, EVIL, JSON),
        (None, b"null", JSON),
        (None, b"", JSON),
        (None, OWN + b"/", JSON),
        (None, OWN + b":443", JSON),
        (None, OWN.upper(), JSON),
        (None, OWN + b".evil.example", JSON),
        (None, OWN + b" " + EVIL, JSON),
        (None, None, None),
        (None, None, b""),
        (None, None, FORM),
        (None, None, b"text/plain"),
        (None, None, b"multipart/form-data; boundary=application/json"),
        (None, None, b"application/json, text/plain"),
        (None, None, b"application/jsonx"),
        (None, None, b"text/plain; application/json"),
    ],
)
def test_s05_s10_a_request_that_may_have_been_forged_does_not(
    fetch_site: bytes | None, origin: bytes | None, content_type: bytes | None
) -> None:
    with pytest.raises(CsrfFailed):
        guard.require_own(fetch_site, origin, content_type)
