"""The signed-in person's profile, and the users whom an operator looks after."""

from watchword.crypto.jws import InvalidToken
from watchword.domain.accounts import Status
from watchword.domain.errors import FieldError, Invalid
from watchword.ports import AccountQuery, PageRequest
from watchword.web.answers import Answer, as_json
from watchword.web.call import Call
from watchword.web.inputs import (
    InviteBody,
    NameBody,
    NoBody,
    RoleBody,
    StatusBody,
)
from watchword.web.shapes import (
    ManagedUserAnswer,
    ProfileAnswer,
    UserAnswer,
    UsersAnswer,
    managed_user_shape,
    session_shape,
    user_shape,
)

_DEFAULT_LIMIT = 50
_LARGEST_LIMIT = 200


async def profile(call: Call) -> Answer:
    services = call.services
    caller = call.user
    seen = services.standings.last_seen(caller.session)
    session = session_shape(caller.session, services.origins, current=True, seen=seen)
    return as_json(ProfileAnswer("You are signed in.", user_shape(caller.account), session))


async def change_profile(call: Call, body: NameBody) -> Answer:
    account = await call.services.users.rename(call.user, body.name, call.trace)
    return as_json(UserAnswer("The profile was changed.", user_shape(account)))


async def list_users(call: Call) -> Answer:
    query = call.query("role", "status", "q", "limit", "cursor")
    page = page_of(call, query, "users")
    status = query.get("status")
    if status is not None and status not in set(Status):
        raise Invalid(FieldError("status", "Use active or disabled."))
    wanted = AccountQuery(query.get("role"), Status(status) if status else None, query.get("q"))
    found = await call.services.users.list_accounts(wanted, page)
    users = [managed_user_shape(account) for account in found.rows]
    cursor = cursor_of(call, found.following, "users")
    return as_json(UsersAnswer("Here are the users.", users, cursor))


def page_of(call: Call, query: dict[str, str], listing: str) -> PageRequest:
    """Cursors are opaque and signed, and of one listing only (attack I06)."""
    text = query.get("limit", str(_DEFAULT_LIMIT))
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST_LIMIT))
    if not is_number or not 1 <= int(text) <= _LARGEST_LIMIT:
        raise Invalid(FieldError("limit", f"Use a number from 1 to {_LARGEST_LIMIT}."))
    after = None
    if query.get("cursor"):
        try:
            name, _, after = call.services.cursors.read(query["cursor"]).partition(":")
        except InvalidToken:
            name = ""
        if name != listing:
            raise Invalid(FieldError("cursor", "This is not a cursor of this list."))
    return PageRequest(int(text), after)


def cursor_of(call: Call, following: str | None, listing: str) -> str | None:
    if following is None:
        return None
    return call.services.cursors.sign(f"{listing}:{following}")


async def invite(call: Call, body: InviteBody) -> Answer:
    account = await call.services.invitations.invite(
        call.user, body.email, call.trace, role=body.role, name=body.name
    )
    content = ManagedUserAnswer("The user was invited by mail.", managed_user_shape(account))
    return as_json(content, status=201)


async def get_user(call: Call) -> Answer:
    account = await call.services.users.get(call.user, call.parameters["id"])
    return as_json(ManagedUserAnswer("Here is the user.", managed_user_shape(account)))


async def change_role(call: Call, body: RoleBody) -> Answer:
    return await _change_role(call, body.role)


async def change_role_by_path(call: Call, _: NoBody) -> Answer:
    return await _change_role(call, call.parameters["role"])


async def _change_role(call: Call, role: str) -> Answer:
    account = await call.services.users.change_role(
        call.user, call.parameters["id"], role, call.trace
    )
    return as_json(ManagedUserAnswer("The role was changed.", managed_user_shape(account)))


async def change_status(call: Call, body: StatusBody) -> Answer:
    account = await call.services.users.change_status(
        call.user, call.parameters["id"], Status(body.status), call.trace
    )
    return as_json(ManagedUserAnswer("The status was changed.", managed_user_shape(account)))


async def delete_user(call: Call) -> Answer:
    user_id = call.parameters["id"]
    account = await call.services.users.delete(call.user, user_id, call.trace)
    is_own = user_id == call.user.account.id
    message = "Your account deleted" if is_own else "User deleted"
    answer = as_json(UserAnswer(message, user_shape(account)))
    if is_own:
        call.identity.take_back(answer)
    return answer
