"""A server that knows places, and what it has told and written down of unusual sign-ins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.driving import Server, serving
from tests.web.contract import Written, events, rows
from tests.web.mailed import ADA, OPEN
from tests.web.places import put_places
from tests.web.ways_in import HOME
from watchword.domain.time import MINUTE

UNUSUAL = "session.unusual_sign_in"
FREE: dict[str, Any] = {**OPEN, "lockout_policy": None}


def unusual(server: Server) -> list[Written]:
    return [event for event in events(server) if event.type == UNUSUAL]


def letters(server: Server) -> list[tuple[Any, ...]]:
    return rows(server, "SELECT reason, detail FROM letters ORDER BY reason")


@asynccontextmanager
async def at_home(folder: Path, **settings: Any) -> AsyncIterator[Server]:
    """A server that knows places, and an account with one session from London, a minute ago."""
    put_places(folder)
    async with serving(folder, **settings) as server:
        await server.register(ADA)
        await server.sign_in(ADA, ip=HOME)
        server.clock.advance(MINUTE)
        yield server
