"""Other identity providers by which one signs in."""

from dataclasses import replace

from watchword.domain.errors import Refusal
from watchword.flows.federation import ConsentNeeded
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.forms import ConsentForm, NoForm
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import Facts, asked, done, root_of, show, show_again, visit_of
from watchword.web.shapes import identity_shape


async def overview(call: Call) -> Answer:
    """Who came back from a provider in vain is told so."""
    alert = _FAILED if asked(call, "error") else ""
    return show(call, "providers", {**await _facts(call), "done": done(call), "alert": alert})


async def begin_link(call: Call, form: NoForm) -> Answer:
    """The page leads on by itself: a form may lead nowhere but to this site."""
    provider = call.parameters["provider"]
    back_to = f"{root_of(call)}/account/providers?done=linked"
    try:
        departure = await call.services.federation.begin_link(
            call.user, provider, back_to, _binding(call), asks=True
        )
    except Refusal as refusal:
        return show_again(call, "providers", form, refusal, facts=await _facts(call))
    names = {each.id: each.name for each in call.services.federation.listed()}
    answer = show(call, "leaving", {"url": departure.url, "name": names[provider]})
    call.identity.bind_journey(answer, departure)
    return answer


def ask_whether_to_link(call: Call, needed: ConsentNeeded) -> Answer:
    """On the way back, on which strict cookies stay behind: the session is that of the start."""
    token = call.services.csrf_tokens.sign(needed.session_id)
    visit = replace(visit_of(call), account=needed.account, csrf_token=token)
    address = needed.identity.email
    facts = {
        "token": needed.token,
        "provider": needed.provider.name,
        "told": [needed.identity.name, "" if address is None else address.text],
    }
    return call.services.screens.show("link_identity", visit, facts)


async def link(call: Call, form: ConsentForm) -> Answer:
    """Whatever is not a yes is a no."""
    federation, binding = call.services.federation, _binding(call)
    is_wanted = form.choice == "link"
    try:
        if is_wanted:
            await federation.consent(call.user, form.token, binding, call.trace)
        else:
            await federation.decline(call.user, form.token, binding)
    except Refusal as refusal:
        return show_again(call, "providers", form, refusal, facts=await _facts(call))
    done = "linked" if is_wanted else "not_linked"
    answer = see(f"{root_of(call)}/account/providers?done={done}")
    call.identity.unbind_journey(answer)
    return answer


async def unlink(call: Call, form: NoForm) -> Answer:
    identities = call.services.federation.identities
    try:
        await identities.unlink(call.user, call.parameters["id"], call.trace)
    except Refusal as refusal:
        return show_again(call, "providers", form, refusal, facts=await _facts(call))
    return see(f"{root_of(call)}/account/providers?done=unlinked")


def _binding(call: Call) -> str | None:
    return call.cookie(call.identity.names.federation)


_FAILED = "Nothing was linked this time. Start again if the provider is missing here."


async def _facts(call: Call) -> Facts:
    own = await call.services.federation.identities.list_own(call.user)
    listed = call.services.federation.listed()
    return {
        "identities": [identity_shape(identity) for identity in own],
        "names": {each.id: each.name for each in listed},
        "providers": listed,
    }
