"""What goes by mail: a lost password, an address and its change, a link that signs in."""

from watchword.domain.errors import NotFound
from watchword.web.answers import Answer, as_json
from watchword.web.api.sign_in import signed_in
from watchword.web.arrivals import arrival_of
from watchword.web.call import Call
from watchword.web.inputs import (
    ChangeEmailBody,
    EmailBody,
    MagicLinkBody,
    MagicLinkCompleteBody,
    ResetPasswordBody,
    TokenBody,
)
from watchword.web.shapes import MessageAnswer, UserAnswer, user_shape

_ON_ITS_WAY = "If there is an account with this address, a mail is on its way to it."


async def forgot_password(call: Call, body: EmailBody) -> Answer:
    await call.services.by_mail.recovery.forgot(body.email, call.trace)
    return as_json(MessageAnswer(_ON_ITS_WAY), status=202)


async def reset_password(call: Call, body: ResetPasswordBody) -> Answer:
    """Signs nobody in: whoever has the mail alone has not shown a second factor."""
    await call.services.by_mail.recovery.reset(body.token, body.new_password, call.trace)
    return as_json(MessageAnswer("The password was set. Sign in with it."))


async def verify_email(call: Call, body: TokenBody) -> Answer:
    account = await call.services.by_mail.addresses.confirm(body.token, call.trace)
    return as_json(UserAnswer("The address was confirmed.", user_shape(account)))


async def resend(call: Call, body: EmailBody) -> Answer:
    await call.services.by_mail.addresses.resend(body.email, call.trace)
    return as_json(MessageAnswer(_ON_ITS_WAY), status=202)


async def change_email(call: Call, body: ChangeEmailBody) -> Answer:
    await call.services.by_mail.addresses.request_change(call.user, body.new_email, call.trace)
    message = "A mail is on its way to the new address. It takes effect once that is confirmed."
    return as_json(MessageAnswer(message), status=202)


async def magic_link(call: Call, body: MagicLinkBody) -> Answer:
    """The cookie binds the link to this browser; it is set whether or not there is an account."""
    _require_magic_links(call)
    binding = await call.services.by_mail.magic_links.request(body.email, call.trace)
    answer = as_json(MessageAnswer(_ON_ITS_WAY), status=202)
    call.identity.bind_magic_link(answer, binding)
    return answer


async def complete_magic_link(call: Call, body: MagicLinkCompleteBody) -> Answer:
    _require_magic_links(call)
    arrival = await arrival_of(call, body.transport, remember=body.remember)
    held = call.identity.magic_link(call.cookies).binding
    grant = await call.services.by_mail.magic_links.complete(body.token, held, arrival)
    answer = signed_in(call, grant, "You are signed in.")
    call.identity.unbind_magic_link(answer)
    return answer


def _require_magic_links(call: Call) -> None:
    """The strict profile has none: a mail is no authenticator (ASVS 6.3.6)."""
    if not call.services.policy.has_magic_links:
        raise NotFound
