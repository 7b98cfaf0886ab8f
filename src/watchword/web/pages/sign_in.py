"""Signing in by a password, and the second factor after it; signing out."""

from watchword.domain.errors import Refusal, TokenInvalid
from watchword.domain.sessions import EndReason, Transport
from watchword.flows.grants import Grant
from watchword.flows.second_step import FactorNeeded
from watchword.web.answers import Answer
from watchword.web.arrivals import Attempt, arrival_of, sign_in_by_password
from watchword.web.call import Call
from watchword.web.pages.forms import NoForm, SecondStepForm, SignInForm
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import (
    asked,
    landing,
    let_in,
    root_of,
    show,
    show_again,
    who_is_there,
)


async def ask(call: Call) -> Answer:
    """Whoever is signed in already goes on; who comes from a provider wanted to link it."""
    return_to, error = asked(call, "returnTo"), asked(call, "error")
    if await who_is_there(call) is not None:
        if error in _REASONS:
            return see(f"{root_of(call)}/account/providers?error={error}")
        return see(landing(call, return_to))
    alert = _REASONS.get(error, "")
    return show(call, "sign_in", {"alert": alert, "return_to": return_to, **_ways(call)})


async def sign_in(call: Call, form: SignInForm) -> Answer:
    attempt = Attempt(form.email, form.password, Transport.SESSION, remember=bool(form.remember))
    try:
        outcome = await sign_in_by_password(call, attempt)
    except Refusal as refusal:
        return show_again(call, "sign_in", form, refusal, facts=_ways(call))
    return lead_on(call, outcome, form.return_to)


def lead_on(call: Call, outcome: Grant | FactorNeeded, return_to: str) -> Answer:
    """The next page of every sign-in, whichever way it came."""
    if isinstance(outcome, FactorNeeded):
        return show(call, "second_step", {"token": outcome.token, "return_to": return_to})
    return let_in(call, outcome, return_to)


async def second_step(call: Call, form: SecondStepForm) -> Answer:
    step = call.services.factors.step
    try:
        pending = await step.find(form.mfa_token)
        first = pending.first
        held_by_browsers = first.transport is not Transport.BODY
        arrival = await arrival_of(
            call,
            first.transport if held_by_browsers else Transport.SESSION,
            remember=first.remember,
            trusts_device=bool(form.trust_device) or first.trusts_device,
        )
        grant = await step.complete(pending, form.given, arrival)
    except TokenInvalid:
        facts = {"alert": _TOO_LATE, "return_to": form.return_to, **_ways(call)}
        return show(call, "sign_in", facts, status=401)
    except Refusal as refusal:
        facts = {"token": form.mfa_token, "recovers": bool(form.recovery_code)}
        return show_again(call, "second_step", form, refusal, facts=facts)
    return let_in(call, grant, form.return_to)


async def sign_out(call: Call, _: NoForm) -> Answer:
    await call.services.sessions.end(call.user.session.id, EndReason.SIGNED_OUT, call.trace)
    answer = see(f"{root_of(call)}/sign-in")
    call.identity.take_back(answer)
    return answer


def _ways(call: Call) -> dict[str, object]:
    return {
        "providers": call.services.federation.listed(),
        "has_magic_links": call.services.policy.has_magic_links,
    }


_TOO_LATE = "That took too long, or was tried too often. Sign in again."
_REASONS = {
    "OAUTH_FAILED": "Signing in with this provider did not work. Start again.",
}
