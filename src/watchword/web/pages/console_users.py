"""The operator's console: the people whom one looks after."""

from collections.abc import Awaitable

from watchword.domain.accounts import Account, Status
from watchword.domain.errors import FieldError, Invalid, Refusal
from watchword.domain.roles import Permission
from watchword.ports import AccountQuery, AuditQuery, PageRequest
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.forms import ChoiceForm, Form, InviteForm, NoForm
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import Facts, done, root_of, show, show_again
from watchword.web.paging import cursor_of, page_of
from watchword.web.shapes import event_shape, managed_user_shape, session_shape

_RECENT = 20  # events on a user's page


async def search(call: Call) -> Answer:
    asked = call.query("role", "status", "q", "cursor")
    query = {name: text for name, text in asked.items() if text}
    status = _status("status", query["status"]) if "status" in query else None
    wanted = AccountQuery(query.get("role"), status, query.get("q"))
    page = page_of(call, query, "console users")
    found = await call.services.users.list_accounts(wanted, page)
    facts = {
        "users": [managed_user_shape(account) for account in found.rows],
        "cursor": cursor_of(call, found.following, "console users"),
        "roles": _roles(call),
        "query": query,
        "may_invite": Permission.USERS_INVITE in call.user.permissions,
    }
    return show(call, "console_users", facts)


async def ask_whom_to_invite(call: Call) -> Answer:
    return show(call, "console_invite", {"roles": _roles(call), "done": done(call)})


async def invite(call: Call, form: InviteForm) -> Answer:
    try:
        account = await call.services.invitations.invite(
            call.user, form.email, call.trace, role=form.role or None, name=form.name
        )
    except Refusal as refusal:
        return show_again(call, "console_invite", form, refusal, facts={"roles": _roles(call)})
    sees_users = Permission.USERS_READ in call.user.permissions
    place = f"users/{account.id}" if sees_users else "invite"
    return see(f"{root_of(call)}/console/{place}?done=invited")


async def user(call: Call) -> Answer:
    return show(call, "console_user", {**await _facts(call), "done": done(call)})


async def change_role(call: Call, form: ChoiceForm) -> Answer:
    user_id = call.parameters["id"]
    change = call.services.users.change_role(call.user, user_id, form.choice, call.trace)
    return await _changed(call, form, change, "user_role")


async def change_status(call: Call, form: ChoiceForm) -> Answer:
    async def change() -> None:
        user_id, status = call.parameters["id"], _status("status", form.choice)
        await call.services.users.change_status(call.user, user_id, status, call.trace)

    return await _changed(call, form, change(), "user_status")


async def end_sessions(call: Call, form: NoForm) -> Answer:
    change = call.services.users.end_sessions(call.user, call.parameters["id"], call.trace)
    return await _changed(call, form, change, "user_sessions")


async def reset_second_factor(call: Call, form: NoForm) -> Answer:
    change = call.services.factors.reset(call.user, call.parameters["id"], call.trace)
    return await _changed(call, form, change, "user_second_factor")


async def delete(call: Call, form: NoForm) -> Answer:
    change = call.services.users.delete(call.user, call.parameters["id"], call.trace)
    return await _changed(call, form, change, "deleted")


async def _changed(call: Call, form: Form, change: Awaitable[object], what: str) -> Answer:
    """The user's page again where it is refused, else where one goes on after it."""
    try:
        await change
    except Refusal as refusal:
        return show_again(call, "console_user", form, refusal, facts=await _facts(call))
    user = "" if what == "deleted" else f"/{call.parameters['id']}"
    return see(f"{root_of(call)}/console/users{user}?done={what}")


def _status(field: str, text: str) -> Status:
    try:
        return Status(text)
    except ValueError:
        raise Invalid(FieldError(field, "Use active or disabled.")) from None


async def _facts(call: Call) -> Facts:
    services, caller, user_id = call.services, call.user, call.parameters["id"]
    account: Account = await services.users.get(caller, user_id)
    live = []
    if Permission.SESSIONS_READ in caller.permissions:
        live = list(await services.sessions.list_live(user_id))
    events = []
    if Permission.AUDIT_READ in caller.permissions:
        page = PageRequest(_RECENT)
        found = await services.audit.list_events(AuditQuery(user=user_id), page)
        events = [event_shape(record) for record in found.rows]
    return {
        "subject": managed_user_shape(account),
        "sessions": [
            session_shape(one, services.origins, current=one.id == caller.session.id)
            for one in live
        ],
        "events": events,
        "device_of": services.origins.user_agents.parse,
        "roles": _roles(call),
        "may": caller.permissions,
    }


def _roles(call: Call) -> list[str]:
    return sorted(call.services.users.roles.permissions)
