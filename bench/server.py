"""Watchword as production serves it, with one route more: the profile without the protection.

Run it as ``python -m bench.server PORT WORKERS``; its settings come from the environment.
"""

import sys
from pathlib import Path
from typing import Final

import uvicorn

from watchword.adapters import structlog as logs
from watchword.bootstrap import Application
from watchword.domain.errors import NotFound
from watchword.domain.sessions import Session
from watchword.domain.standing import Caller
from watchword.settings import Settings
from watchword.web.answers import Answer, as_json
from watchword.web.app import ROUTES
from watchword.web.call import Call
from watchword.web.policies import PUBLIC
from watchword.web.routing import Route
from watchword.web.shapes import ProfileAnswer, session_shape, user_shape

OPEN_PATH: Final = "/bench/profile"
OPEN_SESSION: Final = "open-session"  # the file in the data directory that names it


class OpenProfile:
    """Makes the answer of ``GET /profile`` for one session, whoever asks: nothing of a request is
    looked at, no token, no cache, no store.
    """

    def __init__(self, session_file: Path) -> None:
        self._session_file = session_file
        self._caller: Caller | None = None

    async def __call__(self, call: Call) -> Answer:
        caller = self._caller or await self._find(call)
        session: Session = caller.session
        shape = session_shape(session, call.services.user_agents, current=True)
        return as_json(ProfileAnswer("You are signed in.", user_shape(caller.account), shape))

    async def _find(self, call: Call) -> Caller:
        """Once per worker; after that nothing is looked up."""
        if not self._session_file.exists():
            raise NotFound("No session was named yet.")
        standings = call.services.standings
        standings.catch_up()
        session_id = self._session_file.read_text("ascii")
        self._caller = await standings.admit(session_id, call.services.clock.now())
        return self._caller


def create_app() -> Application:
    settings = Settings.load()
    logs.configure(settings.log_format or "json", settings.log_level, sys.stdout)
    open_profile = Route(
        method="GET",
        path=OPEN_PATH,
        page=OpenProfile(settings.data_dir / OPEN_SESSION),
        who=PUBLIC,
        summary="The same answer as the profile, unprotected",
        answers={200: ProfileAnswer},
        is_quiet=True,
    )
    return Application(settings, routes=(*ROUTES, open_profile))


def main() -> None:
    port, workers = (int(text) for text in sys.argv[1:])
    uvicorn.run(
        "bench.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        workers=workers,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
    )


if __name__ == "__main__":
    main()
