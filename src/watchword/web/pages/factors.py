"""One's own second factor: an app that makes codes, and the codes for the day it is lost."""

from watchword.domain.errors import Conflict, Refusal
from watchword.flows.factor_proof import AppCode
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.forms import CodeForm, NoForm
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import done, root_of, show, show_again


async def overview(call: Call) -> Answer:
    return show(call, "two_factor", {"done": done(call)})


async def begin(call: Call, _: NoForm) -> Answer:
    """The secret is shown this once; whoever loses the page begins anew."""
    try:
        app = await call.services.factors.enrolment.begin(call.user)
    except Refusal as refusal:
        return show_again(call, "two_factor", NoForm(), refusal)
    return show(call, "two_factor_app", {"app": app})


async def confirm(call: Call, form: CodeForm) -> Answer:
    try:
        codes = await call.services.factors.enrolment.confirm(
            call.user, AppCode(form.code), call.trace
        )
    except Conflict:  # it is on already, or was never begun: that page says which
        return see(f"{root_of(call)}/account/two-factor")
    except Refusal as refusal:
        return show_again(call, "two_factor_app", form, refusal, facts={"app": None})
    return show(call, "recovery_codes", {"codes": codes})


async def renew_codes(call: Call, _: NoForm) -> Answer:
    try:
        codes = await call.services.factors.upkeep.renew_codes(call.user, call.trace)
    except Refusal as refusal:
        return show_again(call, "two_factor", NoForm(), refusal)
    return show(call, "recovery_codes", {"codes": codes})


async def disable(call: Call, form: CodeForm) -> Answer:
    device = call.cookie(call.identity.names.device)
    try:
        await call.services.factors.upkeep.disable(call.user, form.given, call.trace, device=device)
    except Refusal as refusal:
        facts = {"recovers": bool(form.recovery_code)}
        return show_again(call, "two_factor", form, refusal, facts=facts)
    return see(f"{root_of(call)}/account/two-factor?done=two_factor_off")
