"""Proving once more who one is, before what only oneself may do."""

from watchword.domain.errors import Refusal, TokenExpired
from watchword.domain.factors import is_multi_factor
from watchword.flows.factor_proof import AppCode
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.forms import ConfirmForm
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import Facts, asked, landing, let_in, show, show_again


async def ask(call: Call) -> Answer:
    return_to = asked(call, "returnTo")
    return show(call, "confirm", {"return_to": return_to, **_facts(call)})


async def confirm(call: Call, form: ConfirmForm) -> Answer:
    """Of two at once the first hands out the cookie, and both go on."""
    credentials, device = call.services.credentials, call.cookie(call.identity.names.device)
    try:
        if form.code:
            grant = await credentials.reauthenticate_by_code(
                call.user, AppCode(form.code), call.trace, device=device
            )
        else:
            grant = await credentials.reauthenticate(
                call.user, form.password, call.trace, device=device
            )
    except TokenExpired:
        return see(landing(call, form.return_to))
    except Refusal as refusal:
        return show_again(call, "confirm", form, refusal, facts=_facts(call))
    return let_in(call, grant, form.return_to)


def _facts(call: Call) -> Facts:
    """The code comes first for who has shown one factor so far: it opens what a password does, and
    what takes two.
    """
    caller = call.user
    has_app = caller.account.mfa_enabled
    ways = ["password"] if caller.account.password_hash is not None else []
    if has_app:
        ways.insert(len(ways) if is_multi_factor(caller.session.amr) else 0, "code")
    return {"ways": ways, "lacks_factor": bool(caller.withheld) and not has_app}
