"""One's own passkeys. Adding one takes the browser's own dialogue, and so a script."""

from watchword.domain.errors import Refusal
from watchword.domain.factors import PASSKEY_NAME_LIMIT
from watchword.flows.passkeys import require_factors
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.forms import NameForm, NoForm
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import Facts, done, root_of, show, show_again
from watchword.web.passkey_shapes import passkey_shape


async def overview(call: Call) -> Answer:
    return show(call, "passkeys", {**await _facts(call), "done": done(call)})


async def ask_to_add(call: Call) -> Answer:
    """Fresh already, and by two factors of who has two, so that nothing has to be asked between the
    click and the dialogue.
    """
    require_factors(call.user)
    return show(call, "add_passkey", {"longest_name": PASSKEY_NAME_LIMIT})


async def rename(call: Call, form: NameForm) -> Answer:
    try:
        await call.services.passkeys.own.rename(
            call.user, call.parameters["id"], form.name, call.trace
        )
    except Refusal as refusal:
        return show_again(call, "passkeys", form, refusal, facts=await _facts(call))
    return see(f"{root_of(call)}/account/passkeys?done=passkey_renamed")


async def remove(call: Call, form: NoForm) -> Answer:
    try:
        await call.services.passkeys.own.remove(call.user, call.parameters["id"], call.trace)
    except Refusal as refusal:
        return show_again(call, "passkeys", form, refusal, facts=await _facts(call))
    return see(f"{root_of(call)}/account/passkeys?done=passkey_removed")


async def _facts(call: Call) -> Facts:
    own = await call.services.passkeys.own.list_own(call.user)
    return {
        "passkeys": [passkey_shape(passkey) for passkey in own],
        "asked_about": call.parameters.get("id", ""),
    }
