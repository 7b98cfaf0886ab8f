"""Signing in by another identity provider, and linking what one has there."""

from watchword.domain.errors import CsrfFailed, FieldError, Invalid, MfaRequired
from watchword.domain.sessions import Transport
from watchword.flows.federation import ConsentNeeded
from watchword.flows.second_step import FactorNeeded
from watchword.web.answers import Answer, as_json
from watchword.web.arrivals import arrival_of
from watchword.web.call import Call
from watchword.web.errors import problem
from watchword.web.inputs import LinkBody
from watchword.web.pages.identities import ask_whether_to_link
from watchword.web.pages.refusals import is_looked_at
from watchword.web.pages.sign_in import lead_on
from watchword.web.return_to import require_on_site
from watchword.web.shapes import (
    IdentitiesAnswer,
    MessageAnswer,
    ProvidersAnswer,
    ProviderShape,
    UrlAnswer,
    identity_shape,
)

_TRANSPORTS = {each.value: each for each in (Transport.COOKIE, Transport.SESSION)}
_YES_OR_NO = {"true": True, "false": False}


async def list_providers(call: Call) -> Answer:
    listed = call.services.federation.listed()
    return as_json(ProvidersAnswer([ProviderShape(each.id, each.name) for each in listed]))


async def begin(call: Call) -> Answer:
    """The cookie binds the way back to this browser (attack O02). Browsers say where they show an
    answer; an image or a frame of another site is no person who goes somewhere.
    """
    if call.headers.one(b"sec-fetch-dest") not in {None, b"document"}:
        raise CsrfFailed("Go to this address, by a link for one; a page cannot fetch it.")
    asked = call.query("returnTo", "transport", "remember")
    return_to = require_on_site(asked.get("returnTo", "/"))
    arrival = await arrival_of(call, _transport(asked), remember=_remember(asked))
    departure = await call.services.federation.begin(
        call.parameters["provider"], return_to, arrival, _binding(call)
    )
    answer = Answer(302, b"", [(b"location", departure.url.encode("ascii"))])
    call.identity.bind_journey(answer, departure)
    return answer


def _transport(asked: dict[str, str]) -> Transport:
    """Nothing but cookies can be given to a browser that is being sent on: a token would stand in
    the address.
    """
    transport = _TRANSPORTS.get(asked.get("transport", Transport.COOKIE.value))
    if transport is None:
        raise Invalid(FieldError("transport", "This must be cookie or session here."))
    return transport


def _remember(asked: dict[str, str]) -> bool:
    remember = _YES_OR_NO.get(asked.get("remember", "true"))
    if remember is None:
        raise Invalid(FieldError("remember", "This must be true or false."))
    return remember


async def come_back(call: Call) -> Answer:
    """Makes a session by GET, for state and cookie show that this browser has asked for it."""
    pairs = [*call.query_pairs(), *call.posted]
    arrival = await arrival_of(call, Transport.COOKIE, remember=True)
    outcome = await call.services.federation.finish(
        call.parameters["provider"], pairs, _binding(call), arrival
    )
    if isinstance(outcome.grant, ConsentNeeded):
        return ask_whether_to_link(call, outcome.grant)
    if isinstance(outcome.grant, FactorNeeded):
        if call.table.has_pages and is_looked_at(call.headers):
            answer = lead_on(call, outcome.grant, outcome.return_to)
        else:
            answer = problem(MfaRequired(), call.request_id, leads_on=outcome.grant)
        call.identity.unbind_journey(answer)
        return answer
    answer = Answer(303, b"", [(b"location", outcome.return_to.encode("ascii"))])
    if outcome.grant is not None:
        call.identity.hand_out(answer, outcome.grant)
    call.identity.unbind_journey(answer)
    return answer


async def begin_link(call: Call, body: LinkBody) -> Answer:
    return_to = require_on_site(body.return_to)
    departure = await call.services.federation.begin_link(
        call.user, call.parameters["provider"], return_to, _binding(call), asks=False
    )
    answer = as_json(UrlAnswer(departure.url))
    call.identity.bind_journey(answer, departure)
    return answer


async def list_identities(call: Call) -> Answer:
    own = await call.services.federation.identities.list_own(call.user)
    return as_json(IdentitiesAnswer([identity_shape(identity) for identity in own]))


async def unlink(call: Call) -> Answer:
    identities = call.services.federation.identities
    await identities.unlink(call.user, call.parameters["id"], call.trace)
    return as_json(MessageAnswer("This way to sign in was removed."))


def _binding(call: Call) -> str | None:
    return call.cookie(call.identity.names.federation)
