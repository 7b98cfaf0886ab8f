"""Proving once more who one is, before what only oneself may do."""

from watchword.domain.errors import Refusal
from watchword.flows.factor_proof import AppCode
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.forms import ConfirmForm
from watchword.web.pages.visits import asked, let_in, show, show_again


async def ask(call: Call) -> Answer:
    return_to = asked(call, "returnTo")
    return show(call, "confirm", {"return_to": return_to, **_facts(call)})


async def confirm(call: Call, form: ConfirmForm) -> Answer:
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
    except Refusal as refusal:
        return show_again(call, "confirm", form, refusal, facts=_facts(call))
    return let_in(call, grant, form.return_to)


def _facts(call: Call) -> dict[str, object]:
    account = call.user.account
    return {"has_password": account.password_hash is not None, "has_app": account.mfa_enabled}
