"""One's own devices, by the sessions that they hold; and what happened to one's account."""

from contextlib import suppress
from dataclasses import replace

from watchword.domain.accounts import Account
from watchword.domain.errors import NotFound
from watchword.ports import AuditQuery, AuditRecord, RequestTrace
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.forms import NoForm
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import done, root_of, show
from watchword.web.paging import cursor_of, page_of
from watchword.web.shapes import (
    EventShape,
    SessionShape,
    event_shape,
    session_shape,
)


async def devices(call: Call) -> Answer:
    facts = {"sessions": await own_sessions(call), "done": done(call)}
    return show(call, "devices", facts)


async def own_sessions(call: Call) -> list[SessionShape]:
    """Those that are live, this one first."""
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
        "events": [own_event(record, call.user.account) for record in found.rows],
        "device_of": call.services.origins.user_agents.parse,
        "cursor": cursor_of(call, found.following, "activity"),
    }
    return show(call, "activity", facts)


def own_event(record: AuditRecord, owner: Account) -> EventShape:
    """As ``owner`` may see it: where an operator sits, and by what, is not theirs to know."""
    if record.actor not in {None, owner.id}:
        record = replace(record, trace=RequestTrace(), session=None)
    return event_shape(record)
