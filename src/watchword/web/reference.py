"""What the API reference says of a route, whether a program reads it or a person.

Invariant: it is worked out from the route table, so it misses no route and promises none that is
not there. A new code needs its sentence in `MEANINGS`, a new query field its line in `QUERY`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from watchword.web.csrf import SAFE_METHODS
from watchword.web.errors import STATUSES
from watchword.web.policies import Limit
from watchword.web.routing import Route

Json = dict[str, Any]

MEANINGS: Final = {
    "INVALID_CREDENTIALS": "The e-mail address or the password is not right; which of the two, is "
    "never said. Or the passkey was not accepted. For somebody who is signed in it is 403: the "
    "current password is not right.",
    "TOKEN_MISSING": "There is no access token and no session cookie; at a refresh, no refresh "
    "token.",
    "TOKEN_INVALID": "The token or cookie was not given out here, or was altered.",
    "TOKEN_EXPIRED": "The access token has expired, or a proof of identity has replaced it. "
    "Refresh it.",
    "SESSION_EXPIRED": "The session was idle too long, or has reached its end. Sign in again.",
    "SESSION_REVOKED": "The session was ended: by a sign-out, by an administrator, or by a change "
    "of the account. Sign in again.",
    "TOKEN_REUSED": "This refresh token was used before, perhaps by a thief, so its session was "
    "ended. Sign in again.",
    "MFA_REQUIRED": "The first factor was right, and the account has a second one. `mfaToken` and "
    "one of `methods` lead on: `POST /auth/mfa/complete`, within five minutes.",
    "MFA_INVALID": "The code is not right, is too old, or was used before. Each code works once.",
    "MALFORMED": "The request cannot be read: broken JSON, or a header, cookie or name given "
    "twice.",
    "INVALID_OR_EXPIRED_LINK": "The link was used, has expired, or never was one. Ask for a new "
    "one.",
    "OAUTH_FAILED": "The other identity provider refused, or its answer could not be relied on. "
    "Start again.",
    "TOO_LARGE": "The request is larger than the limit for bodies.",
    "UNSUPPORTED_MEDIA_TYPE": "The body is neither `application/json` in UTF-8 nor, in the "
    "`session` transport, a form; or it is compressed.",
    "STEP_UP_REQUIRED": "The last proof of identity is too long ago, or this needs a second factor "
    "that the session has not shown. Prove it by `POST /auth/reauthenticate`, then try again.",
    "ACCOUNT_DISABLED": "The account is disabled. Said only to those who have shown that it is "
    "theirs.",
    "EMAIL_NOT_VERIFIED": "The address has to be confirmed first, by the link that was mailed to "
    "it. Said only to those who have shown that the account is theirs.",
    "COUNTRY_BLOCKED": "Nobody signs in from the country that the client address is in. Said only "
    "to those who have shown that the account is theirs.",
    "FORBIDDEN": "You are signed in, but may not do this.",
    "CSRF_FAILED": "The request may have been made by another site: it names no origin of ours, "
    "or its CSRF token is wrong.",
    "NOT_FOUND": "There is no such thing, or nothing at this address.",
    "METHOD_NOT_ALLOWED": "The address has other methods; `Allow` names them.",
    "CONFLICT": "What is asked for is taken already, or does not fit how things are.",
    "LAST_ADMIN": "This would leave no active administrator. Make another one first.",
    "LAST_CREDENTIAL": "This would leave no way into the account. Add another one first.",
    "SESSION_LIMIT": "The user has as many live sessions as are allowed. End one of them first.",
    "VALIDATION_FAILED": "Fields are missing, unknown or not acceptable; `errors` names each of "
    "them.",
    "PASSWORD_TOO_SHORT": "The new password is too short; `errors` says how long it must be.",
    "PASSWORD_BLOCKED": "The new password is one that attackers try first, or is known "
    "from a breach.",
    "TOO_MANY_ATTEMPTS": "Too many failures on this account. It is locked for as long as "
    "`Retry-After` says, even for the right password.",
    "RATE_LIMITED": "Too many requests from this client address. `Retry-After` says when to come "
    "back.",
    "UNAVAILABLE": "Something that this needs does not answer. Nothing was confirmed; try again.",
    "BUSY": "Too many passwords are being checked at once. Nothing was done; try again.",
    "INTERNAL": "A defect of ours. It was logged under the `requestId`.",
}


@dataclass(frozen=True, slots=True)
class QueryField:
    meaning: str
    schema: Mapping[str, object]


QUERY: Final = {
    "limit": QueryField(
        "How many to a page.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
    ),
    "cursor": QueryField("The `nextCursor` of the page before.", {"type": "string"}),
    "role": QueryField("Only this role.", {"type": "string"}),
    "status": QueryField("Only this status.", {"type": "string", "enum": ["active", "disabled"]}),
    "q": QueryField("Part of a name or of an e-mail address.", {"type": "string"}),
    "user": QueryField("Only this user, by id.", {"type": "string"}),
    "type": QueryField("Only this type of event.", {"type": "string"}),
    "returnTo": QueryField(
        "A path of this site, where the browser goes on afterwards.",
        {"type": "string", "default": "/", "maxLength": 2048},
    ),
    "transport": QueryField(
        "How the session will be held.",
        {"type": "string", "enum": ["cookie", "session"], "default": "cookie"},
    ),
    "remember": QueryField(
        "Whether the session outlives the browser.", {"type": "boolean", "default": True}
    ),
    "from": QueryField("Nothing before this time.", {"type": "string", "format": "date-time"}),
    "to": QueryField("Only what is before this time.", {"type": "string", "format": "date-time"}),
}

LIMITS: Final = {
    Limit.AUTH: "all calls of `/auth/*` by one client address",
    Limit.SIGN_IN: "sign-in attempts by one client address",
    Limit.MAIL: "mails asked for by one client address",
}

# What is answered where the table names no shape.
MEDIA_TYPES: Final = {
    "/metrics": "text/plain",
    "/openapi.json": "application/json",
    "/docs": "text/html",
    "/auth/revocations": "text/event-stream",
}
REQUEST_HEADERS: Final = {
    "/auth/revocations": {
        "Last-Event-ID": "The last `id` that was heard: what may be missing since is told again.",
    },
}
ANSWER_HEADERS: Final = {
    "/auth/{provider}": ("Location", "Set-Cookie"),
    "/auth/{provider}/callback": ("Location", "Set-Cookie"),
    "/auth/{provider}/link": ("Set-Cookie",),
    "/auth/verify": ("X-Auth-User", "X-Auth-Role", "X-Auth-Session", "X-Auth-Email"),
}

_SIGNED_IN = (
    "TOKEN_MISSING",
    "TOKEN_INVALID",
    "TOKEN_EXPIRED",
    "SESSION_EXPIRED",
    "SESSION_REVOKED",
)
_OF_SERVICE = ("TOKEN_MISSING", "TOKEN_INVALID", "NOT_FOUND")
_WITH_BODY = ("MALFORMED", "TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "VALIDATION_FAILED")
_WITH_QUERY = ("MALFORMED", "VALIDATION_FAILED")


def refusals_of(route: Route) -> Mapping[int, Sequence[str]]:
    """The codes that ``route`` can answer with, by status, lowest first; those that every
    address can say, its route or no route, are left out.
    """
    codes = [*_of_policy(route), *route.refusals]
    if route.body is not None:
        codes.extend(_WITH_BODY)
    if route.query:
        codes.extend(_WITH_QUERY)
    if route.limits:
        codes.append("RATE_LIMITED")
    if route.limits or not route.who.is_public:
        codes.append("UNAVAILABLE")
    found: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        found.setdefault(_status(code, route), []).append(code)
    return {status: found[status] for status in sorted(found)}


def _of_policy(route: Route) -> Sequence[str]:
    who = route.who
    needs_no_origin = route.method in SAFE_METHODS or route.from_elsewhere
    codes = [] if needs_no_origin else ["CSRF_FAILED"]
    if who.is_service:
        codes.extend(("MALFORMED", *_OF_SERVICE))
    elif not who.is_public:
        codes.extend(("MALFORMED", *_SIGNED_IN))
    if who.permission is not None:
        codes.append("FORBIDDEN")
    if who.fresh or who.fresh_owner or who.permission is not None:
        codes.append("STEP_UP_REQUIRED")
    return codes


def _status(code: str, route: Route) -> int:
    """A wrong password of somebody who is signed in is a 403: see `watchword.web.errors`."""
    if code == "INVALID_CREDENTIALS" and not route.who.is_public:
        return 403
    return STATUSES[code]


def audience_of(route: Route) -> str:
    """Who may come, in a sentence or two."""
    who = route.who
    if who.is_public:
        return "Anyone."
    if who.is_service:
        return "A service that holds a token of `WATCHWORD_SERVICE_TOKENS`, and no user."
    if who.permission is None:
        text = "Any signed-in user."
    elif who.owner:
        text = f"The user in question, or whoever holds the permission `{who.permission}`."
    else:
        text = f"Whoever holds the permission `{who.permission}`."
    if who.fresh:
        return f"{text} Needs step-up."
    if who.fresh_owner:
        return f"{text} The user in question needs step-up."
    return text


def operation_id(route: Route) -> str:
    """Unique and fit for a function's name: ``changePassword``, ``getUsersByIdSessions``."""
    words = [_word(part) for part in route.segments]
    if words[0] == "Auth" and len(words) > 1:
        del words[0]
        if route.method == "POST":
            first, *rest = words
            return first[0].lower() + first[1:] + "".join(rest)
    return route.method.lower() + "".join(words)


def _word(segment: str) -> str:
    prefix = "By" if segment.startswith("{") else ""
    return prefix + "".join(part.capitalize() for part in re.findall(r"[A-Za-z0-9]+", segment))
