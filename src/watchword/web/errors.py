"""Refusals as problem+json (RFC 9457): one shape everywhere, and never a library's own words."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from watchword.domain.errors import Invalid, Limited, NotAuthenticated, Refusal, Unavailable
from watchword.domain.time import SECOND
from watchword.flows.second_step import FactorNeeded
from watchword.web.answers import PROBLEM, Answer, Header, encode

DOCS: Final = "/docs#"  # on the public URL; a reference with its full path: RFC 9457 section 3.1.1

STATUSES: Final = {
    "INVALID_CREDENTIALS": 401,
    "TOKEN_MISSING": 401,
    "TOKEN_INVALID": 401,
    "TOKEN_EXPIRED": 401,
    "SESSION_EXPIRED": 401,
    "SESSION_REVOKED": 401,
    "TOKEN_REUSED": 401,
    "MFA_REQUIRED": 401,
    "MFA_INVALID": 401,
    "MALFORMED": 400,
    "INVALID_OR_EXPIRED_LINK": 400,
    "OAUTH_FAILED": 400,
    "TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "STEP_UP_REQUIRED": 403,
    "ACCOUNT_DISABLED": 403,
    "EMAIL_NOT_VERIFIED": 403,
    "COUNTRY_BLOCKED": 403,
    "FORBIDDEN": 403,
    "CSRF_FAILED": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "CONFLICT": 409,
    "LAST_ADMIN": 409,
    "LAST_CREDENTIAL": 409,
    "SESSION_LIMIT": 409,
    "VALIDATION_FAILED": 422,
    "PASSWORD_TOO_SHORT": 422,
    "PASSWORD_BLOCKED": 422,
    "TOO_MANY_ATTEMPTS": 429,
    "RATE_LIMITED": 429,
    "UNAVAILABLE": 503,
    "BUSY": 503,
    "INTERNAL": 500,
}

TITLES: Final = {
    400: "Malformed request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not valid",
    429: "Too often",
    500: "Internal error",
    503: "Not available",
}


class MethodNotAllowed(Refusal):
    code = "METHOD_NOT_ALLOWED"
    detail = "This method is not allowed here."

    def __init__(self, allowed: str) -> None:
        self.allowed = allowed
        super().__init__()


class TooLarge(Refusal):
    code = "TOO_LARGE"
    detail = "The request is too large."


class UnsupportedMediaType(Refusal):
    code = "UNSUPPORTED_MEDIA_TYPE"
    detail = "Send the body as application/json, in UTF-8 and without an encoding."


class InternalError(Refusal):
    code = "INTERNAL"
    detail = "Something went wrong here. It was logged under this request's id."


class FieldProblem(msgspec.Struct, frozen=True):
    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """``message`` is the same text as ``detail``; ``errors`` come with a 422, and the last three
    with ``MFA_REQUIRED``.
    """

    type: str
    title: str
    status: int
    detail: str
    message: str
    code: str
    request_id: str
    errors: list[FieldProblem] | None = None
    requires_mfa: bool | None = None
    methods: tuple[str, ...] | None = None
    mfa_token: str | None = None


def anchor_of(code: str) -> str:
    """Where the page of the API reference explains ``code``."""
    return code.lower().replace("_", "-")


def problem(refusal: Refusal, request_id: str, *, leads_on: FactorNeeded | None = None) -> Answer:
    """The answer that says ``refusal``; what is in it was written by us, not by a library.
    ``leads_on`` is how a sign-in that is half done goes on.
    """
    code, status = refusal.code, status_of(refusal)
    fields = None
    if isinstance(refusal, Invalid):
        fields = [FieldProblem(error.field, error.message) for error in refusal.errors]
    content = Problem(
        type=f"{DOCS}{anchor_of(code)}",
        title=TITLES[status],
        status=status,
        detail=refusal.detail,
        message=refusal.detail,
        code=code,
        request_id=request_id,
        errors=fields,
        requires_mfa=True if leads_on else None,
        methods=leads_on.methods if leads_on else None,
        mfa_token=leads_on.token if leads_on else None,
    )
    return Answer(status, encode(content), [PROBLEM, *headers_of(refusal)])


def status_of(refusal: Refusal) -> int:
    return 403 if _of_signed_in(refusal) else STATUSES[refusal.code]


def _of_signed_in(refusal: Refusal) -> bool:
    """A wrong *current* password of somebody who is signed in is 403, with the same code."""
    return refusal.code == "INVALID_CREDENTIALS" and not isinstance(refusal, NotAuthenticated)


def headers_of(refusal: Refusal) -> Sequence[Header]:
    """What tells a program how to go on."""
    if isinstance(refusal, NotAuthenticated):
        return [(b"www-authenticate", _challenge(refusal))]
    if isinstance(refusal, TooLarge):
        return [(b"connection", b"close")]  # the rest of it is not read
    if isinstance(refusal, MethodNotAllowed):
        return [(b"allow", refusal.allowed.encode())]
    if not isinstance(refusal, Limited | Unavailable):
        return []
    seconds = str(max(1, math.ceil(refusal.retry_after / SECOND))).encode()
    headers = [(b"retry-after", seconds)]
    if isinstance(refusal, Limited) and refusal.allowed is not None:
        headers.append((b"ratelimit-limit", str(refusal.allowed).encode()))
        headers.append((b"ratelimit-remaining", b"0"))
        headers.append((b"ratelimit-reset", seconds))
    return headers


def _challenge(refusal: NotAuthenticated) -> bytes:
    """RFC 6750 section 3: without a token no error code, with a bad one ``invalid_token``."""
    if refusal.code in {"TOKEN_MISSING", "INVALID_CREDENTIALS", "MFA_REQUIRED", "MFA_INVALID"}:
        return b'Bearer realm="watchword"'
    described = f'error="invalid_token", error_description="{refusal.detail}"'
    return f'Bearer realm="watchword", {described}'.encode()
