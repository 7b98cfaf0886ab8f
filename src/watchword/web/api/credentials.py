"""Changing one's password, and proving once more who one is."""

from watchword.domain.errors import FieldError, Invalid
from watchword.domain.sessions import Transport
from watchword.flows.factor_proof import AppCode
from watchword.web.answers import Answer, as_json
from watchword.web.call import Call
from watchword.web.inputs import (
    ChangePasswordBody,
    ReauthenticateBody,
)
from watchword.web.shapes import (
    CsrfAnswer,
    GrantAnswer,
    MessageAnswer,
    session_shape,
    user_shape,
)


async def change_password(call: Call, body: ChangePasswordBody) -> Answer:
    await call.services.credentials.change_password(
        call.user,
        body.current_password,
        body.new_password,
        call.trace,
        device=call.cookie(call.identity.names.device),
    )
    return as_json(MessageAnswer("The password was changed. Other sessions were ended."))


async def reauthenticate(call: Call, body: ReauthenticateBody) -> Answer:
    """In the ``session`` transport the cookie is replaced; else a new access token is given."""
    credentials, device = call.services.credentials, call.cookie(call.identity.names.device)
    if body.password is not None and body.code is None:
        grant = await credentials.reauthenticate(
            call.user, body.password, call.trace, device=device
        )
    elif body.code is not None and body.password is None:
        grant = await credentials.reauthenticate_by_code(
            call.user, AppCode(body.code), call.trace, device=device
        )
    else:
        raise Invalid(FieldError("password", "Send the password or a code, one of them."))
    access = grant.access
    content = GrantAnswer(
        "You have confirmed who you are.",
        user_shape(grant.account),
        session_shape(grant.session, call.services.origins, current=True),
        access.text if access else None,
        "Bearer" if access else None,
        access.expires_in if access else None,
    )
    answer = as_json(content)
    if grant.session.transport is Transport.SESSION:
        call.identity.hand_out(answer, grant)
    return answer


async def csrf(call: Call) -> Answer:
    token = call.services.csrf_tokens.sign(call.user.session.id)
    return as_json(CsrfAnswer(token))
