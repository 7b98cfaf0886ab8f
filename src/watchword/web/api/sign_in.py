"""Registering, signing in, refreshing and signing out."""

from functools import partial

from watchword.domain.accounts import EmailAddress
from watchword.domain.errors import (
    Busy,
    Malformed,
    MfaRequired,
    Refusal,
    TokenInvalid,
    TokenMissing,
)
from watchword.domain.sessions import EndReason, Transport
from watchword.flows.factor_proof import AppCode
from watchword.flows.grants import Grant
from watchword.flows.second_step import FactorNeeded
from watchword.flows.sign_in import Arrival
from watchword.web.answers import Answer, as_json
from watchword.web.call import Call
from watchword.web.errors import problem
from watchword.web.identity import bearer_token
from watchword.web.inputs import (
    LoginBody,
    NoBody,
    RefreshBody,
    RegisterBody,
    SetupBody,
)
from watchword.web.shapes import (
    GrantAnswer,
    MessageAnswer,
    RevokedAnswer,
    UserAnswer,
    session_shape,
    user_shape,
)


async def register(call: Call, body: RegisterBody) -> Answer:
    """Where addresses have to be confirmed, what became of it is told by mail alone (E03)."""
    if call.services.policy.hides_registrations:
        await call.services.registration.register_unseen(
            body.email, body.password, call.trace, name=body.name
        )
        return as_json(MessageAnswer("A mail is on its way to this address."), status=202)
    account = await call.services.registration.register(
        body.email, body.password, call.trace, name=body.name
    )
    content = UserAnswer("The account was made. Sign in to go on.", user_shape(account))
    return as_json(content, status=201)


async def login(call: Call, body: LoginBody) -> Answer:
    email = EmailAddress.parse(body.email)
    await call.limiter.count_sign_in(call.ip, email)
    arrival = await arrival_of(
        call, body.transport, remember=body.remember, trusts_device=body.trust_device
    )
    forgive = partial(call.limiter.forgive_sign_ins, call.ip, email)
    code = None if body.mfa_code is None else AppCode(body.mfa_code)
    try:
        outcome = await call.services.sign_in(
            email, body.password, arrival, code=code, on_proof=forgive
        )
    except Busy:
        await call.limiter.take_back_sign_in(call.ip, email)
        raise
    return signed_in(call, outcome, "You are signed in.")


async def setup(call: Call, body: SetupBody) -> Answer:
    call.services.registration.require_valid(body.email, body.password)
    await call.limiter.count_sign_in(call.ip, EmailAddress.parse(body.email))
    arrival = await arrival_of(call, body.transport, remember=True)
    grant = await call.services.setup.complete(body.token, body.email, body.password, arrival)
    return signed_in(call, grant, "The administrator was made, and you are signed in.")


async def arrival_of(
    call: Call, transport: Transport, *, remember: bool, trusts_device: bool = False
) -> Arrival:
    """A browser that held sessions before gives them up for the new one (attack S01)."""
    held, device = set(), None
    if transport is not Transport.BODY:
        names, tokens = call.identity.names, call.services.held_tokens
        device = call.cookie(names.device)
        cookies = filter(None, (call.cookie(names.refresh), call.cookie(names.session)))
        held = {await tokens.session_of(cookie) for cookie in cookies}
    return Arrival(
        transport=transport,
        origin=call.origin,
        trace=call.trace,
        remember=remember,
        device=device,
        replaces=frozenset(session_id for session_id in held if session_id is not None),
        trusts_device=trusts_device,
    )


def signed_in(call: Call, grant: Grant | FactorNeeded, message: str) -> Answer:
    """The answer of every way to sign in. Before the second factor nothing is given out that is
    good for anything else (attack S14).
    """
    if isinstance(grant, FactorNeeded):
        return problem(MfaRequired(), call.request_id, leads_on=grant)
    access = grant.access
    content = GrantAnswer(
        message,
        user_shape(grant.account),
        session_shape(grant.session, call.services.origins, current=True),
        access.text if access else None,
        "Bearer" if access else None,
        access.expires_in if access else None,
        grant.held if grant.session.transport is Transport.BODY else None,
    )
    answer = as_json(content)
    call.identity.hand_out(answer, grant)
    return answer


async def refresh(call: Call, body: RefreshBody) -> Answer:
    """The rotated token goes back the way that the old one came."""
    cookie = call.cookie(call.identity.names.refresh)
    if cookie is not None and body.refresh_token is not None:
        raise Malformed("Send the refresh token in the cookie or in the body, not in both.")
    token = cookie or body.refresh_token
    if not token:
        raise TokenMissing("There is no refresh token in the cookie or in the body.")
    grant = await call.services.refresh(token, call.trace, arrived=call.arrived)
    access = grant.access
    if access is None:
        raise TokenInvalid
    content = GrantAnswer(
        "The session goes on.",
        access_token=access.text,
        token_type="Bearer",
        expires_in=access.expires_in,
        refresh_token=None if cookie else grant.held,
    )
    answer = as_json(content)
    if cookie:
        call.identity.hand_out_refresh_cookie(answer, grant)
    return answer


async def logout(call: Call, body: RefreshBody) -> Answer:
    """Always 200: whoever is signed out already is signed out."""
    for session_id in await _held_sessions(call, body):
        await call.services.sessions.end(session_id, EndReason.SIGNED_OUT, call.trace)
    answer = as_json(MessageAnswer("You are signed out."))
    call.identity.take_back(answer)
    return answer


async def _held_sessions(call: Call, body: RefreshBody) -> set[str]:
    """The sessions that this request can show a token of."""
    held = call.services.held_tokens
    names = call.identity.names
    texts = [call.cookie(names.refresh), call.cookie(names.session), body.refresh_token]
    found = {await held.session_of(text) for text in texts if text}
    try:
        token = bearer_token(call.headers)
    except Refusal:
        token = None
    if token is not None:
        found.add(await held.session_of_access_token(token))
    return {session_id for session_id in found if session_id is not None}


async def logout_all(call: Call, _: NoBody) -> Answer:
    caller = call.user
    count = await call.services.sessions.end_all(caller.account.id, call.trace, actor=caller)
    answer = as_json(RevokedAnswer("You are signed out everywhere.", count))
    call.identity.take_back(answer)
    return answer
