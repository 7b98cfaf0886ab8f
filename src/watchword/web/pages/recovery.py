"""What goes by mail: a lost password, an address to confirm, a link that signs in.

A link carries its token in the fragment, which no server sees and no opening uses up; the page's
script puts it into the form. Without a script, people paste the link.
"""

from watchword.domain.errors import LinkInvalid, NotFound, Refusal
from watchword.domain.sessions import Transport
from watchword.web.answers import Answer
from watchword.web.arrivals import arrival_of
from watchword.web.call import Call
from watchword.web.pages.forms import EmailForm, LinkForm, NewPasswordForm
from watchword.web.pages.sign_in import lead_on
from watchword.web.pages.visits import asked, on_site, password_facts, show, show_again


async def ask_whose(call: Call) -> Answer:
    return show(call, "forgot_password")


async def forgot_password(call: Call, form: EmailForm) -> Answer:
    try:
        await call.services.by_mail.recovery.forgot(form.email, call.trace)
    except Refusal as refusal:
        return show_again(call, "forgot_password", form, refusal)
    return show(call, "mail_sent", {"purpose": "forgot", "email": form.email})


async def ask_for_password(call: Call) -> Answer:
    return show(call, "reset_password", password_facts(call))


async def reset_password(call: Call, form: NewPasswordForm) -> Answer:
    """Signs nobody in: whoever has the mail alone has not shown a second factor."""
    try:
        await call.services.by_mail.recovery.reset(form.bare_token, form.new_password, call.trace)
    except Refusal as refusal:
        facts = {"token": still_good(form, refusal), **password_facts(call)}
        return show_again(call, "reset_password", form, refusal, facts=facts)
    return show(call, "done", {"what": "password_reset"})


async def ask_to_verify(call: Call) -> Answer:
    return show(call, "verify_email")


async def verify_email(call: Call, form: LinkForm) -> Answer:
    try:
        await call.services.by_mail.addresses.confirm(form.bare_token, call.trace)
    except Refusal as refusal:
        return show_again(call, "verify_email", form, refusal)
    return show(call, "done", {"what": "email_verified"})


async def resend(call: Call, form: EmailForm) -> Answer:
    try:
        await call.services.by_mail.addresses.resend(form.email, call.trace)
    except Refusal as refusal:
        return show_again(call, "verify_email", form, refusal)
    return show(call, "mail_sent", {"purpose": "verify", "email": form.email})


async def ask_for_link(call: Call) -> Answer:
    """Where a link from a mail leads, and where one is asked for."""
    _require_magic_links(call)
    return_to = asked(call, "returnTo")
    return show(call, "magic_link", {"return_to": return_to})


async def magic_link(call: Call, form: EmailForm) -> Answer:
    """The cookie binds the link to this browser, and keeps where it wanted to go; it is set whether
    or not there is an account.
    """
    _require_magic_links(call)
    try:
        binding = await call.services.by_mail.magic_links.request(form.email, call.trace)
    except Refusal as refusal:
        return show_again(call, "magic_link", form, refusal)
    answer = show(call, "mail_sent", {"purpose": "magic", "email": form.email})
    call.identity.bind_magic_link(answer, binding, on_site(form.return_to))
    return answer


async def complete_magic_link(call: Call, form: LinkForm) -> Answer:
    _require_magic_links(call)
    arrival = await arrival_of(call, Transport.SESSION, remember=True)
    held = call.identity.magic_link(call.cookies)
    try:
        outcome = await call.services.by_mail.magic_links.complete(
            form.bare_token, held.binding, arrival
        )
    except Refusal as refusal:
        return show_again(call, "magic_link", form, refusal)
    answer = lead_on(call, outcome, on_site(held.return_to) or form.return_to)
    call.identity.unbind_magic_link(answer)
    return answer


def still_good(form: LinkForm, refusal: Refusal) -> str:
    """The token to go on with; nothing in place of a link that is over, so that another fits."""
    return "" if isinstance(refusal, LinkInvalid) else form.bare_token


def _require_magic_links(call: Call) -> None:
    """The strict profile has none: a mail is no authenticator (ASVS 6.3.6)."""
    if not call.services.policy.has_magic_links:
        raise NotFound
