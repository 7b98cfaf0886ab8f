"""The caller's own sessions, and those of a user whom the caller may look after."""

from watchword.domain.standing import Caller
from watchword.web.answers import Answer, as_json
from watchword.web.call import Call
from watchword.web.shapes import (
    MessageAnswer,
    RevokedAnswer,
    SessionsAnswer,
    session_shape,
)


async def list_own(call: Call) -> Answer:
    return await _list(call, call.user, call.user.account.id)


async def list_of_user(call: Call) -> Answer:
    await call.services.users.require_known(call.parameters["id"])
    return await _list(call, call.user, call.parameters["id"])


async def _list(call: Call, caller: Caller, user_id: str) -> Answer:
    services = call.services
    live = await services.sessions.list_live(user_id)
    shapes = [
        session_shape(session, services.origins, current=session.id == caller.session.id)
        for session in live
    ]
    return as_json(SessionsAnswer("These sessions are live.", shapes))


async def end_one(call: Call) -> Answer:
    await call.services.sessions.end_one(call.user, call.parameters["id"], call.trace)
    return as_json(MessageAnswer("The session was ended."))


async def end_others(call: Call) -> Answer:
    caller = call.user
    count = await call.services.sessions.end_all(
        caller.account.id, call.trace, actor=caller, keep=caller.session.id
    )
    return as_json(RevokedAnswer("All other sessions were ended.", count))


async def end_of_user(call: Call) -> Answer:
    count = await call.services.users.end_sessions(call.user, call.parameters["id"], call.trace)
    return as_json(RevokedAnswer("The user's sessions were ended.", count))
