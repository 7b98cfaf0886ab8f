"""Watchword as production serves it, with one route more: the profile without the protection.

Run it as ``python -m bench.server PORT WORKERS``; its settings come from the environment.
"""

import socket
import sys
from pathlib import Path
from typing import Final

from uvicorn.server import Server
from uvicorn.supervisors.multiprocess import Multiprocess

from watchword.bootstrap import Application
from watchword.cli.protocol import Connection, ServerConfig
from watchword.cli.server import Served, set_up_logs
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
        shape = session_shape(session, call.services.origins, current=True)
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


class _WithOpenProfile(Application):
    """Stands between `Served`, which production runs, and the application below it."""

    def __init__(self, settings: Settings) -> None:
        open_profile = Route(
            method="GET",
            path=OPEN_PATH,
            page=OpenProfile(settings.data_dir / OPEN_SESSION),
            who=PUBLIC,
            summary="The same answer as the profile, unprotected",
            answers={200: ProfileAnswer},
            is_quiet=True,
        )
        super().__init__(settings, routes=(*ROUTES, open_profile))


class Measured(Served, _WithOpenProfile):
    pass


def make_worker() -> Measured:
    settings = Settings.load()
    set_up_logs(settings)
    return Measured(settings)


def main() -> None:
    """One process, or uvicorn's supervisor over several, as `watchword serve` sets them up."""
    port, workers = (int(text) for text in sys.argv[1:])
    config = ServerConfig(
        "bench.server:make_worker",
        factory=True,
        workers=workers,
        interface="asgi3",
        lifespan="on",
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    listener = socket.create_server(("127.0.0.1", port))
    if workers == 1:
        Server(config).run([listener])
    else:
        Multiprocess(config, [listener]).run()


if __name__ == "__main__":
    main()
