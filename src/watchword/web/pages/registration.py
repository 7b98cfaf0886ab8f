"""Making an account; the first administrator's, by the one-time link."""

from watchword.domain.accounts import EmailAddress
from watchword.domain.errors import Refusal
from watchword.domain.sessions import Transport
from watchword.web.answers import Answer
from watchword.web.arrivals import Attempt, arrival_of, sign_in_by_password
from watchword.web.call import Call
from watchword.web.pages.forms import RegisterForm, SetupForm
from watchword.web.pages.recovery import still_good
from watchword.web.pages.sign_in import lead_on
from watchword.web.pages.visits import asked, let_in, password_facts, show, show_again


async def ask(call: Call) -> Answer:
    return_to = asked(call, "returnTo")
    return show(call, "register", {"return_to": return_to, **password_facts(call)})


async def register(call: Call, form: RegisterForm) -> Answer:
    """Whoever has made an account is signed in to it; where addresses have to be confirmed, what
    became of it is told by mail alone (attack E03).
    """
    registration = call.services.registration
    try:
        if call.services.policy.hides_registrations:
            await registration.register_unseen(
                form.email, form.password, call.trace, name=form.name
            )
            return show(call, "mail_sent", {"purpose": "register", "email": form.email})
        await registration.register(form.email, form.password, call.trace, name=form.name)
        attempt = Attempt(form.email, form.password, Transport.SESSION)
        return lead_on(call, await sign_in_by_password(call, attempt), form.return_to)
    except Refusal as refusal:
        return show_again(call, "register", form, refusal, facts=password_facts(call))


async def ask_to_set_up(call: Call) -> Answer:
    return show(call, "setup", password_facts(call))


async def set_up(call: Call, form: SetupForm) -> Answer:
    try:
        call.services.registration.require_valid(form.email, form.password)
        await call.limiter.count_sign_in(call.ip, EmailAddress.parse(form.email))
        arrival = await arrival_of(call, Transport.SESSION, remember=True)
        grant = await call.services.setup.complete(
            form.bare_token, form.email, form.password, arrival
        )
    except Refusal as refusal:
        facts = {"token": still_good(form, refusal), **password_facts(call)}
        return show_again(call, "setup", form, refusal, facts=facts)
    return let_in(call, grant, "")
