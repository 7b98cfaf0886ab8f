"""The style sheets, scripts and pictures that pages load."""

from watchword.domain.errors import NotFound
from watchword.web.answers import Answer
from watchword.web.call import Call


async def get(call: Call) -> Answer:
    """``v`` in the address tells browsers the versions apart; the newest is what there is."""
    found = call.services.screens.assets.find(call.parameters["name"])
    if found is None:
        raise NotFound
    return found
