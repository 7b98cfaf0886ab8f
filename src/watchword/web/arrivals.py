"""Who comes to sign in, by a page or by a program: what they bring, and how it is counted."""

from dataclasses import dataclass, field
from functools import partial

from watchword.domain.accounts import EmailAddress
from watchword.domain.errors import Busy
from watchword.domain.sessions import Transport
from watchword.flows.factor_proof import AppCode
from watchword.flows.grants import Grant
from watchword.flows.second_step import FactorNeeded
from watchword.flows.sign_in import Arrival
from watchword.web.call import Call


@dataclass(frozen=True, slots=True)
class Attempt:
    """``code`` is the second factor's, from who gives it at once."""

    email: str
    password: str = field(repr=False)
    transport: Transport
    code: str | None = field(default=None, repr=False)
    remember: bool = True
    trusts_device: bool = False


async def sign_in_by_password(call: Call, attempt: Attempt) -> Grant | FactorNeeded:
    """It is counted before any work (attack B04), and no more once it was right."""
    email = EmailAddress.parse(attempt.email)
    await call.limiter.count_sign_in(call.ip, email)
    arrival = await arrival_of(
        call, attempt.transport, remember=attempt.remember, trusts_device=attempt.trusts_device
    )
    forgive = partial(call.limiter.forgive_sign_ins, call.ip, email)
    code = None if attempt.code is None else AppCode(attempt.code)
    try:
        return await call.services.sign_in(
            email, attempt.password, arrival, code=code, on_proof=forgive
        )
    except Busy:
        await call.limiter.take_back_sign_in(call.ip, email)
        raise


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
