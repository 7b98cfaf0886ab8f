"""The operator's console: the people whom one looks after."""

from watchword.domain.accounts import Account, Status
from watchword.domain.errors import FieldError, Invalid, Refusal
from watchword.domain.roles import Permission
from watchword.ports import AccountQuery, AuditQuery, PageRequest
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.forms import ChoiceForm, InviteForm, NoForm
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import Facts, done, root_of, show, show_again
from watchword.web.paging import cursor_of, page_of
from watchword.web.shapes import event_shape, managed_user_shape, session_shape

_RECENT = 20  # events on a user's page


async def search(call: Call) -> Answer:
    query = {name: text for name, text in _query(call).items() if text}
    status = query.get("status")
    if status is not None and status not in set(Status):
        raise Invalid(FieldError("status", "Use active or disabled."))
    wanted = AccountQuery(query.get("role"), Status(status) if status else None, query.get("q"))
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


def _query(call: Call) -> dict[str, str]:
    return call.query("role", "status", "q", "cursor")


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
    try:
        await call.services.users.change_role(call.user, user_id, form.choice, call.trace)
    except Refusal as refusal:
        return await _again(call, form, refusal)
    return _back(call, "role")


async def change_status(call: Call, form: ChoiceForm) -> Answer:
    user_id = call.parameters["id"]
    try:
        if form.choice not in set(Status):
            raise Invalid(FieldError("status", "Use active or disabled."))
        await call.services.users.change_status(call.user, user_id, Status(form.choice), call.trace)
    except Refusal as refusal:
        return await _again(call, form, refusal)
    return _back(call, "status")


async def end_sessions(call: Call, form: NoForm) -> Answer:
    try:
        await call.services.users.end_sessions(call.user, call.parameters["id"], call.trace)
    except Refusal as refusal:
        return await _again(call, form, refusal)
    return _back(call, "sessions")


async def reset_second_factor(call: Call, form: NoForm) -> Answer:
    try:
        await call.services.factors.reset(call.user, call.parameters["id"], call.trace)
    except Refusal as refusal:
        return await _again(call, form, refusal)
    return _back(call, "second_factor")


async def delete(call: Call, form: NoForm) -> Answer:
    try:
        await call.services.users.delete(call.user, call.parameters["id"], call.trace)
    except Refusal as refusal:
        return await _again(call, form, refusal)
    return see(f"{root_of(call)}/console/users?done=deleted")


def _back(call: Call, what: str) -> Answer:
    return see(f"{root_of(call)}/console/users/{call.parameters['id']}?done=user_{what}")


async def _again(call: Call, form: ChoiceForm | NoForm, refusal: Refusal) -> Answer:
    return show_again(call, "console_user", form, refusal, facts=await _facts(call))


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
