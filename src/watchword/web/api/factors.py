"""Second factors: turning one on and off, and the second half of a sign-in."""

from watchword.domain.errors import FieldError, Invalid
from watchword.flows.factor_proof import AppCode, Given, RecoveryCode
from watchword.web.answers import Answer, as_json
from watchword.web.api.sign_in import signed_in
from watchword.web.arrivals import arrival_of
from watchword.web.call import Call
from watchword.web.inputs import MfaCodeBody, MfaCompleteBody, MfaDisableBody, NoBody
from watchword.web.shapes import (
    MessageAnswer,
    MfaEnabledAnswer,
    NewAppAnswer,
    RecoveryCodesAnswer,
)


async def complete(call: Call, body: MfaCompleteBody) -> Answer:
    given = _given_of(body)
    second_step = call.services.factors.step
    pending = await second_step.find(body.mfa_token)
    first = pending.first
    arrival = await arrival_of(
        call,
        body.transport or first.transport,
        remember=first.remember,
        trusts_device=body.trust_device or first.trusts_device,
    )
    grant = await second_step.complete(pending, given, arrival)
    return signed_in(call, grant, "You are signed in.")


async def enable(call: Call, _: NoBody) -> Answer:
    app = await call.services.factors.enrolment.begin(call.user)
    return as_json(NewAppAnswer(app.secret, app.uri, app.qr_code))


async def verify(call: Call, body: MfaCodeBody) -> Answer:
    codes = await call.services.factors.enrolment.confirm(call.user, AppCode(body.code), call.trace)
    message = "Your second factor is on. Keep the recovery codes: they are shown this once."
    return as_json(MfaEnabledAnswer(message, codes))


async def disable(call: Call, body: MfaDisableBody) -> Answer:
    await call.services.factors.upkeep.disable(
        call.user,
        _given_of(body),
        call.trace,
        device=call.cookie(call.identity.names.device),
    )
    return as_json(MessageAnswer("Your second factor is off."))


async def renew_recovery_codes(call: Call, _: NoBody) -> Answer:
    codes = await call.services.factors.upkeep.renew_codes(call.user, call.trace)
    return as_json(RecoveryCodesAnswer(codes))


def _given_of(body: MfaCompleteBody | MfaDisableBody) -> Given:
    if body.code is not None and body.recovery_code is None:
        return AppCode(body.code)
    if body.recovery_code is not None and body.code is None:
        return RecoveryCode(body.recovery_code)
    raise Invalid(FieldError("code", "Send a code or a recovery code, one of them."))
