"""One's own account: who one is, one's address, one's password, and the end of it all."""

from watchword.domain.accounts import EmailAddress
from watchword.domain.errors import FieldError, Invalid, Refusal
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.forms import (
    ChangePasswordForm,
    EmailForm,
    NameForm,
    NewEmailForm,
    NoForm,
)
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import done, password_facts, root_of, show, show_again, who_is_there


async def home(call: Call) -> Answer:
    place = "sign-in" if await who_is_there(call) is None else "account"
    return see(f"{root_of(call)}/{place}")


async def profile(call: Call) -> Answer:
    return show(call, "account", {"done": done(call)})


async def rename(call: Call, form: NameForm) -> Answer:
    try:
        await call.services.users.rename(call.user, form.name, call.trace)
    except Refusal as refusal:
        return show_again(call, "account", form, refusal)
    return see(f"{root_of(call)}/account?done=renamed")


async def change_email(call: Call, form: NewEmailForm) -> Answer:
    try:
        await call.services.by_mail.addresses.request_change(call.user, form.new_email, call.trace)
    except Refusal as refusal:
        return show_again(call, "account", form, refusal)
    return see(f"{root_of(call)}/account?done=email")


async def ask_for_password(call: Call) -> Answer:
    return show(call, "change_password", password_facts(call))


async def change_password(call: Call, form: ChangePasswordForm) -> Answer:
    device = call.cookie(call.identity.names.device)
    try:
        await call.services.credentials.change_password(
            call.user, form.current_password, form.new_password, call.trace, device=device
        )
    except Refusal as refusal:
        return show_again(call, "change_password", form, refusal, facts=password_facts(call))
    return see(f"{root_of(call)}/account?done=password")


async def ask_to_delete(call: Call) -> Answer:
    return show(call, "delete_account")


async def delete(call: Call, form: EmailForm) -> Answer:
    """Typed out, for a click is made in error."""
    own = call.user.account
    try:
        if EmailAddress.parse(form.email).key != own.email.key:
            raise Invalid(FieldError("email", "This is not the address of this account."))
        await call.services.users.delete(call.user, own.id, call.trace)
    except Refusal as refusal:
        return show_again(call, "delete_account", form, refusal)
    answer = see(f"{root_of(call)}/sign-in")
    call.identity.take_back(answer)
    return answer


async def sign_out_everywhere(call: Call, _: NoForm) -> Answer:
    caller = call.user
    await call.services.sessions.end_all(caller.account.id, call.trace, actor=caller)
    answer = see(f"{root_of(call)}/sign-in")
    call.identity.take_back(answer)
    return answer
