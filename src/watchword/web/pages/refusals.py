"""A page that could not be shown or done: where people go on, or what happened and what to do."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from watchword.domain.errors import (
    FederationFailed,
    NotAuthenticated,
    Refusal,
    StepUpRequired,
)
from watchword.web.answers import Answer
from watchword.web.errors import headers_of, status_of
from watchword.web.headers import Headers
from watchword.web.routing import RouteTable
from watchword.web.screens.rendering import Screens, Visit

_UNREADABLE: Final = (
    "What your browser sent could not be read. Go back and try again; if that does not help, "
    "delete the cookies of this site."
)
ADVICE: Final = {
    "CSRF_FAILED": "This form is not from this page, or it was open for too long. Go back, load "
    "the page again, and send it once more.",
    "FORBIDDEN": "You are signed in, but this is not for your account.",
    "NOT_FOUND": "There is nothing at this address.",
    "METHOD_NOT_ALLOWED": "This address only takes a form that is sent. Go back to the page that "
    "the form is on.",
    "MALFORMED": _UNREADABLE,
    "UNSUPPORTED_MEDIA_TYPE": _UNREADABLE,
    "TOO_LARGE": "What you sent is too long. Go back and shorten it.",
    "RATE_LIMITED": "There were too many requests from here. Wait a little, then try again.",
    "UNAVAILABLE": "This is not working at the moment. Try again in a few seconds.",
    "BUSY": "Too many people are signing in at this moment. Try again in a few seconds.",
}


def refused(
    refusal: Refusal, scope: Mapping[str, Any], headers: Headers, *, screens: Screens, back_to: str
) -> Answer:
    """Who is not signed in, or not freshly, is asked for that and goes on at ``back_to``."""
    root: str = scope.get("root_path", "")
    if isinstance(refusal, StepUpRequired):
        return see(f"{root}/confirm", back_to=back_to)
    if isinstance(refusal, FederationFailed):
        return see(f"{root}/sign-in?error={refusal.code}")
    if isinstance(refusal, NotAuthenticated):
        return see(f"{root}/sign-in", back_to=back_to)
    accepted = headers.all(b"accept-language")
    visit = Visit(root, screens.languages.chosen(accepted[0] if accepted else None))
    facts = {"advice": ADVICE.get(refusal.code, refusal.detail), "code": refusal.code}
    answer = screens.show("refused", visit, facts, status=status_of(refusal))
    answer.headers.extend(headers_of(refusal))
    return answer


def is_looked_at(headers: Headers) -> bool:
    """By a person, in a browser that goes there: programs do not ask for HTML."""
    return any(b"text/html" in accepted for accepted in headers.all(b"accept"))


def see(address: str, *, back_to: str = "") -> Answer:
    """Go on there by GET, and from there ``back_to``: a path of this site."""
    place = f"{address}?returnTo={quote(back_to, safe='/')}" if back_to else address
    return Answer(303, b"", [(b"location", place.encode("ascii"))])


def page_to_come_back_to(scope: Mapping[str, Any], path: str, table: RouteTable) -> str:
    """This page, or for a form that was sent the nearest one that can be looked at: what was typed
    is gone. ``path`` is below where this application is mounted.
    """
    root: str = scope.get("root_path", "")
    query: bytes = scope.get("query_string", b"")
    if scope["method"] != "POST":
        return quote(f"{root}{path}") + (f"?{query.decode('latin-1')}" if query else "")
    while path and "GET" not in table.methods(path):
        path = path.rpartition("/")[0]
    return quote(f"{root}{path}")
