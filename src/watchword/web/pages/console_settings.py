"""The operator's console: what the service was told to do, and whether what it needs is well."""

from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.health import look
from watchword.web.pages.visits import show


async def overview(call: Call) -> Answer:
    facts = {"settings": call.services.figures.settings, "checks": await look(call)}
    return show(call, "console_settings", facts)
