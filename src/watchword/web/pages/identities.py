"""Other identity providers by which one signs in."""

from watchword.domain.errors import Refusal
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.forms import NoForm
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import Facts, done, root_of, show, show_again
from watchword.web.shapes import identity_shape


async def overview(call: Call) -> Answer:
    return show(call, "providers", {**await _facts(call), "done": done(call)})


async def begin_link(call: Call, form: NoForm) -> Answer:
    """The page leads on by itself: a form may lead nowhere but to this site."""
    provider = call.parameters["provider"]
    back_to = f"{root_of(call)}/account/providers?done=linked"
    try:
        departure = await call.services.federation.begin_link(
            call.user, provider, back_to, call.cookie(call.identity.names.federation)
        )
    except Refusal as refusal:
        return show_again(call, "providers", form, refusal, facts=await _facts(call))
    names = {each.id: each.name for each in call.services.federation.listed()}
    answer = show(call, "leaving", {"url": departure.url, "name": names[provider]})
    call.identity.bind_journey(answer, departure)
    return answer


async def unlink(call: Call, form: NoForm) -> Answer:
    identities = call.services.federation.identities
    try:
        await identities.unlink(call.user, call.parameters["id"], call.trace)
    except Refusal as refusal:
        return show_again(call, "providers", form, refusal, facts=await _facts(call))
    return see(f"{root_of(call)}/account/providers?done=unlinked")


async def _facts(call: Call) -> Facts:
    own = await call.services.federation.identities.list_own(call.user)
    listed = call.services.federation.listed()
    return {
        "identities": [identity_shape(identity) for identity in own],
        "names": {each.id: each.name for each in listed},
        "providers": listed,
    }
