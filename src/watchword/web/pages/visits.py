"""One look at a page: who looks, what they typed, and what was wrong with it."""

from collections.abc import Mapping
from typing import Final

import msgspec

from watchword.domain.errors import (
    Invalid,
    NotAuthenticated,
    Refusal,
    SessionExpired,
    SessionRevoked,
    StepUpRequired,
    Unavailable,
)
from watchword.domain.standing import Caller
from watchword.flows.grants import Grant
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.errors import headers_of, status_of
from watchword.web.pages.refusals import see
from watchword.web.return_to import require_on_site
from watchword.web.screens.rendering import Visit

Facts = Mapping[str, object]
_NOTHING: Final[Facts] = {}
_CHALLENGE = b"www-authenticate"


def root_of(call: Call) -> str:
    root: str = call.scope.get("root_path", "")
    return root


def visit_of(call: Call) -> Visit:
    screens = call.services.screens
    words = screens.languages.chosen(call.accept_language)
    known = call.caller
    if known is None:
        return Visit(root_of(call), words)
    token = call.services.csrf_tokens.sign(known.session.id)
    permissions = known.permissions | known.withheld  # the latter are a second factor away
    return Visit(root_of(call), words, known.account, token, permissions)


def show(call: Call, page: str, facts: Facts = _NOTHING, *, status: int = 200) -> Answer:
    """A page, whose form is empty but for what is ``filled`` in. It leads on to nothing but this
    site, whatever the address said.
    """
    known = {**facts, "return_to": on_site(str(facts.get("return_to", "")))}
    return call.services.screens.show(page, visit_of(call), known, status=status)


def show_again(
    call: Call, page: str, form: msgspec.Struct, refusal: Refusal, *, facts: Facts = _NOTHING
) -> Answer:
    """The form with what was typed, secrets apart, and beside each field what is wrong with it.
    Raise again what says nothing about the form: nobody can be asked, or somebody has to prove who
    they are first.
    """
    if isinstance(refusal, _ABOUT_NO_FORM):
        raise refusal
    typed: Mapping[str, str] = msgspec.to_builtins(form)
    filled = {name: value for name, value in typed.items() if name not in _SECRETS}
    problems = {}
    if isinstance(refusal, Invalid):
        problems = {error.field: error.message for error in refusal.errors}
    alert = "" if problems.keys() & typed.keys() else refusal.detail
    known = {
        "filled": filled,
        "problems": problems,
        "alert": alert,
        "return_to": typed.get("returnTo", ""),
        **facts,
    }
    answer = show(call, page, known, status=status_of(refusal))
    headers = headers_of(refusal)
    answer.headers.extend(header for header in headers if header[0] != _CHALLENGE)
    return answer


_ABOUT_NO_FORM: Final = (Unavailable, StepUpRequired, SessionExpired, SessionRevoked)
_SECRETS: Final = frozenset(
    {"password", "newPassword", "currentPassword", "code", "recoveryCode", "token", "mfaToken"}
)


def on_site(return_to: str) -> str:
    """``return_to`` if it is a path of this site, else nothing: whoever made the link meant another
    (attack O09).
    """
    try:
        return require_on_site(return_to)
    except Invalid:
        return ""


def landing(call: Call, return_to: str) -> str:
    """Where to go after a sign-in: ``return_to``, or one's own account."""
    return on_site(return_to) or f"{root_of(call)}/account"


def let_in(call: Call, grant: Grant, return_to: str) -> Answer:
    answer = see(landing(call, return_to))
    call.identity.hand_out(answer, grant)
    return answer


def password_facts(call: Call) -> Facts:
    """Of a page on which a new password is chosen."""
    return {"shortest_password": call.services.policy.password_min_length}


def asked(call: Call, name: str) -> str:
    """What the address says of it, or nothing. Whatever else stands there is not for us: links that
    people follow carry marks of mailings and campaigns.
    """
    return next((text for key, text in call.query_pairs() if key == name), "")


def done(call: Call) -> str:
    """What was done by the form that led here; nothing for anything that we did not write."""
    return DONE.get(asked(call, "done"), "")


DONE: Final = {
    "renamed": "Your name was changed.",
    "email": "A mail is on its way to the new address. It takes effect once that is confirmed.",
    "password": "Your password was changed. All other sessions were ended.",
    "ended": "The session was ended.",
    "ended_others": "All other sessions were ended.",
    "two_factor_off": "Your second factor is off.",
    "passkey_added": "The passkey was added.",
    "passkey_renamed": "The passkey was renamed.",
    "passkey_removed": "The passkey was removed.",
    "linked": "You can sign in by this provider from now on.",
    "not_linked": "Nothing was linked.",
    "unlinked": "This way to sign in was removed.",
    "invited": "The user was invited by mail.",
    "deleted": "The account was deleted, with all that belonged to it.",
    "user_role": "The role was changed.",
    "user_status": "The status was changed.",
    "user_sessions": "The user's sessions were ended.",
    "user_second_factor": "The second factor was removed, and a mail tells the user.",
    "rotated": "Another key signs from now on. Nobody is signed out.",
}


async def who_is_there(call: Call) -> Caller | None:
    """Whoever is signed in already, on a page that is for everybody."""
    try:
        return await call.identity.resolve(call.headers, call.cookies)
    except NotAuthenticated:
        return None
