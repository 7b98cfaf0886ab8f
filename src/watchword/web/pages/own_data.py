"""A copy of all that is kept of somebody, for themselves (GDPR articles 15 and 20).

Invariant: whoever holds a cookie alone gets none of it, and nothing in it is a secret.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import TypeVar

import msgspec

from watchword.domain.sessions import Session
from watchword.flows.exports import KeptFactor
from watchword.ports import AuditQuery, Page, PageRequest
from watchword.web.answers import Answer, encode
from watchword.web.call import Call
from watchword.web.holding_shapes import (
    EndedSessionShape,
    OwnIdentityShape,
    OwnPasskeyShape,
    OwnUserShape,
    SecondFactorShape,
    ended_session_shape,
    known_device_shape,
    open_link_shape,
    own_identity_shape,
    own_passkey_shape,
    own_user_shape,
    second_factor_shape,
    waiting_letter_shape,
)
from watchword.web.pages.forms import NoForm
from watchword.web.pages.sessions import own_event, own_sessions
from watchword.web.pages.visits import show
from watchword.web.shapes import SessionShape, Shape
from watchword.web.streaming import Stream
from watchword.web.tables import each_page

Row = TypeVar("Row")
Pieces = AsyncGenerator[bytes, None]


class OwnData(msgspec.Struct, frozen=True, rename="camel"):
    """What there are a few of; what there may be very many of follows."""

    user: OwnUserShape
    sessions: list[SessionShape]
    passkeys: list[OwnPasskeyShape]
    identities: list[OwnIdentityShape]
    second_factor: SecondFactorShape | None


async def ask(call: Call) -> Answer:
    return show(call, "own_data")


async def download(call: Call, _: NoForm) -> Answer:
    """As a file, for whoever has to take it elsewhere."""
    pieces = _written(call)
    await anext(pieces)  # what can be refused is refused before the answer begins
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-disposition", b'attachment; filename="account.json"'),
    ]
    return Stream(200, headers=headers, pieces=pieces)


async def _written(call: Call) -> Pieces:
    """First nothing, once there is something to write. What could not be finished is no JSON."""
    live = await own_sessions(call)
    async with aclosing(_events(call)) as events:
        begun = await anext(events)
        kept = await call.services.exports.begin_own(call.user, call.trace)
        content = await _content(call, live, kept)
        yield b""
        yield encode(content).removesuffix(b"}") + begun
        async for piece in events:
            yield piece
    for list_ in _lists(call, live):
        async with aclosing(list_) as pieces:
            async for piece in pieces:
                yield piece
    yield b"}"


async def _content(call: Call, live: list[SessionShape], kept: KeptFactor | None) -> OwnData:
    services, caller = call.services, call.user
    passkeys = await services.passkeys.own.list_own(caller)
    identities = await services.federation.identities.list_own(caller)
    return OwnData(
        own_user_shape(caller.account),
        live,
        [own_passkey_shape(passkey) for passkey in passkeys],
        [own_identity_shape(identity) for identity in identities],
        second_factor_shape(kept),
    )


def _events(call: Call) -> Pieces:
    own = call.user.account
    read = partial(call.services.audit.list_events, AuditQuery(user=own.id))
    return _array(call, "events", read, lambda record: own_event(record, own))


def _lists(call: Call, live: list[SessionShape]) -> Sequence[Pieces]:
    holdings, own = call.services.exports.holdings, call.user.account
    alive = {session.id for session in live}

    def ended(session: Session) -> EndedSessionShape | None:
        if session.id in alive:
            return None
        return ended_session_shape(session, call.services.origins)

    return (
        _array(call, "endedSessions", partial(holdings.list_sessions, own.id), ended),
        _array(call, "devices", partial(holdings.list_devices, own.id), known_device_shape),
        _array(call, "mail", partial(holdings.list_letters, own), waiting_letter_shape),
        _array(call, "links", partial(holdings.list_links, own.id), open_link_shape),
    )


async def _array(
    call: Call,
    name: str,
    read: Callable[[PageRequest], Awaitable[Page[Row]]],
    shape: Callable[[Row], Shape | None],
) -> Pieces:
    """``,"name":[…]``, a page of it in each piece. Who was signed out meanwhile, or asked to leave,
    gets no more.
    """
    before, comma = f',"{name}":['.encode(), b""
    async with aclosing(each_page(read)) as pages:
        async for rows in pages:
            await call.services.exports.admit(call.user)
            told = b",\n".join(encode(shown) for shown in map(shape, rows) if shown is not None)
            yield before + (comma + told if told else b"")
            before, comma = b"", comma or (b",\n" if told else b"")
    yield b"]"
