"""Adding passkeys, signing in by them, and looking after one's own."""

from typing import Final

import msgspec

from watchword.web.answers import Answer, as_json
from watchword.web.api.sign_in import signed_in
from watchword.web.arrivals import arrival_of
from watchword.web.call import Call
from watchword.web.inputs import (
    NameBody,
    NoBody,
    PasskeyLoginBody,
    PasskeyOptionsBody,
    RegisterPasskeyBody,
)
from watchword.web.passkey_shapes import (
    CreationOptionsAnswer,
    PasskeyAnswer,
    PasskeysAnswer,
    RequestOptionsAnswer,
    passkey_shape,
)
from watchword.web.shapes import MessageAnswer

_LONGEST_ID: Final = 1_364  # 1023 bytes (WebAuthn level 3 section 4) in base64url


async def creation_options(call: Call, _: NoBody) -> Answer:
    options = await call.services.passkeys.registration.options(call.user)
    return as_json(msgspec.convert(options, CreationOptionsAnswer))


async def register(call: Call, body: RegisterPasskeyBody) -> Answer:
    passkey = await call.services.passkeys.registration.finish(
        call.user, body.credential, body.name, call.trace
    )
    content = PasskeyAnswer("The passkey was added.", passkey_shape(passkey))
    return as_json(content, status=201)


async def request_options(call: Call, _: PasskeyOptionsBody) -> Answer:
    """The address is not even looked at (attack E05)."""
    options = await call.services.passkeys.sign_in.options()
    return as_json(msgspec.convert(options, RequestOptionsAnswer))


async def login(call: Call, body: PasskeyLoginBody) -> Answer:
    claimed = str(body.credential.get("id"))[:_LONGEST_ID].encode("utf-8", "replace")
    await call.limiter.count_sign_in(call.ip, claimed)
    arrival = await arrival_of(call, body.transport, remember=body.remember)
    grant = await call.services.passkeys.sign_in(body.credential, arrival)
    await call.limiter.forgive_sign_ins(call.ip, claimed)
    return signed_in(call, grant, "You are signed in.")


async def list_own(call: Call) -> Answer:
    passkeys = await call.services.passkeys.own.list_own(call.user)
    shapes = [passkey_shape(passkey) for passkey in passkeys]
    return as_json(PasskeysAnswer("These are your passkeys.", shapes))


async def rename(call: Call, body: NameBody) -> Answer:
    passkey = await call.services.passkeys.own.rename(
        call.user, call.parameters["id"], body.name, call.trace
    )
    return as_json(PasskeyAnswer("The passkey was renamed.", passkey_shape(passkey)))


async def remove(call: Call) -> Answer:
    await call.services.passkeys.own.remove(call.user, call.parameters["id"], call.trace)
    return as_json(MessageAnswer("The passkey was removed."))
