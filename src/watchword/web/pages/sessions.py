"""One's own devices, by the sessions that they hold; and what happened to one's account."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial

import msgspec

from watchword.domain.accounts import Account
from watchword.domain.errors import NotFound
from watchword.ports import AuditQuery, AuditRecord, RequestTrace
from watchword.web.answers import Answer, encode
from watchword.web.call import Call
from watchword.web.pages.forms import NoForm
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import done, root_of, show
from watchword.web.paging import cursor_of, page_of
from watchword.web.passkey_shapes import PasskeyShape, passkey_shape
from watchword.web.shapes import (
    EventShape,
    IdentityShape,
    SessionShape,
    UserShape,
    event_shape,
    identity_shape,
    session_shape,
    user_shape,
)
from watchword.web.streaming import Stream
from watchword.web.tables import each_page


class OwnData(msgspec.Struct, frozen=True, rename="camel"):
    """What is kept of somebody, secrets apart (GDPR article 15); ``events`` follow."""

    user: UserShape
    sessions: list[SessionShape]
    passkeys: list[PasskeyShape]
    identities: list[IdentityShape]


async def devices(call: Call) -> Answer:
    facts = {"sessions": await _sessions(call), "done": done(call)}
    return show(call, "devices", facts)


async def _sessions(call: Call) -> list[SessionShape]:
    services, caller = call.services, call.user
    live = await services.sessions.list_live(caller.account.id)
    shapes = [
        session_shape(session, services.origins, current=session.id == caller.session.id)
        for session in live
    ]
    return sorted(shapes, key=lambda shape: not shape.current)


async def end_one(call: Call, _: NoForm) -> Answer:
    """One that has ended meanwhile is ended."""
    with suppress(NotFound):
        await call.services.sessions.end_one(call.user, call.parameters["id"], call.trace)
    return see(f"{root_of(call)}/account/devices?done=ended")


async def end_others(call: Call, _: NoForm) -> Answer:
    caller = call.user
    await call.services.sessions.end_all(
        caller.account.id, call.trace, actor=caller, keep=caller.session.id
    )
    return see(f"{root_of(call)}/account/devices?done=ended_others")


async def activity(call: Call) -> Answer:
    page = page_of(call, call.query("cursor"), "activity")
    found = await call.services.audit.list_events(AuditQuery(user=call.user.account.id), page)
    facts = {
        "events": [_event(record, call.user.account) for record in found.rows],
        "device_of": call.services.origins.user_agents.parse,
        "cursor": cursor_of(call, found.following, "activity"),
    }
    return show(call, "activity", facts)


def _event(record: AuditRecord, owner: Account) -> EventShape:
    """As ``owner`` may see it: where an operator sits, and by what, is not theirs to know."""
    if record.actor not in {None, owner.id}:
        record = replace(record, trace=RequestTrace(), session=None)
    return event_shape(record)


async def download(call: Call) -> Answer:
    """As a file, for whoever has to take it elsewhere (GDPR article 20)."""
    pieces = _written(call)
    await anext(pieces)  # what can be refused is refused before the answer begins
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-disposition", b'attachment; filename="account.json"'),
    ]
    return Stream(200, headers=headers, pieces=pieces)


async def _written(call: Call) -> AsyncGenerator[bytes, None]:
    """First nothing, once there is something to write. Of events there may be very many; what could
    not be finished is no JSON.
    """
    services, caller = call.services, call.user
    content = OwnData(
        user_shape(caller.account),
        await _sessions(call),
        [passkey_shape(passkey) for passkey in await services.passkeys.own.list_own(caller)],
        [identity_shape(one) for one in await services.federation.identities.list_own(caller)],
    )
    wanted = AuditQuery(user=caller.account.id)
    async with aclosing(each_page(partial(services.audit.list_events, wanted))) as pages:
        first = await anext(pages)
        yield b""
        yield encode(content).removesuffix(b"}") + b',"events":[' + _lines(first, caller.account)
        async for records in pages:
            yield b"," + _lines(records, caller.account)
        yield b"]}"


def _lines(records: Sequence[AuditRecord], owner: Account) -> bytes:
    return b",\n".join(encode(_event(record, owner)) for record in records)
