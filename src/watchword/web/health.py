"""Whether what a request may need is well, and how long it takes to say so."""

from watchword.domain.errors import Unavailable
from watchword.web.call import Call
from watchword.web.shapes import CheckShape


async def look(call: Call) -> dict[str, CheckShape]:
    """Each check by its name, one after the other."""
    return {name: await _look_at(call, name) for name in call.services.checks}


async def _look_at(call: Call, name: str) -> CheckShape:
    services = call.services
    started = services.seconds()
    try:
        await services.checks[name]()
    except Unavailable as error:
        services.log.error(  # noqa: TRY400  the reason is enough; the way to it is known
            "not_ready", request_id=call.request_id, check=name, reason=str(error)
        )
        return CheckShape("failed")
    return CheckShape("ok", round((services.seconds() - started) * 1_000, 2))
