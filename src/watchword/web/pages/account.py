"""One's own account."""

from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.refusals import see
from watchword.web.pages.visits import root_of, show, who_is_there


async def home(call: Call) -> Answer:
    place = "sign-in" if await who_is_there(call) is None else "account"
    return see(f"{root_of(call)}/{place}")


async def overview(call: Call) -> Answer:
    return show(call, "account")
