"""The operator's console: the keys that sign access tokens."""

from watchword.domain.roles import Permission
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.key_shapes import key_shape
from watchword.web.pages.forms import NoForm
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import done, root_of, show


async def overview(call: Call) -> Answer:
    now = call.services.clock.now()
    keys = await call.services.keyring.keys()
    facts = {
        "keys": [key_shape(key, now) for key in keys.stored],
        "may_rotate": Permission.USERS_ROLE in call.user.permissions,
        "done": done(call),
    }
    return show(call, "console_keys", facts)


async def rotate(call: Call, _: NoForm) -> Answer:
    await call.services.keyring.rotate(call.trace, actor=call.user.account.id)
    return see(f"{root_of(call)}/console/keys?done=rotated")
