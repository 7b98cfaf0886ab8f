"""The ASGI application that a server, or another application's mount, is given."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from watchword.bootstrap.core import Core, open_core
from watchword.settings import Settings
from watchword.web.app import ROUTES
from watchword.web.edge import Edge
from watchword.web.request_ids import RequestIds
from watchword.web.routing import Route, RouteTable

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Application:
    """The ASGI application. A server starts it by the lifespan protocol; mounted inside another
    application, which keeps its own lifespan, it starts at its first request, and `running` lets
    the host do that and the end of it in good order.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        routes: Sequence[Route] = ROUTES,
        open_with: Callable[[Settings], Awaitable[Core]] = open_core,
    ) -> None:
        self._settings = settings
        self._table = RouteTable(routes)
        self._open = open_with
        self._starting = asyncio.Lock()
        self._edge: Edge | None = None
        self._core: Core | None = None
        self._stop: asyncio.Event | None = None
        self._chores: asyncio.Future[tuple[None, None, None]] | None = None

    @property
    def core(self) -> Core:
        """Raise `RuntimeError` before the start."""
        if self._core is None:
            raise RuntimeError("Watchword has not been started")
        return self._core

    async def start(self) -> None:
        async with self._starting:
            if self._core is not None:
                return
            core = await self._open(self._settings or Settings.load())
            try:
                await core.prepare()
                await core.user_agents.warm()
                await core.place_keeper.database.look()
            except BaseException:
                await core.close()
                raise
            self._core = core
            prefix = core.services.grants.randomness.bytes(4).hex()
            self._edge = Edge(self._table, core.services, request_ids=RequestIds(prefix))
            self._stop = asyncio.Event()
            self._chores = asyncio.gather(
                core.housekeeper.run(self._stop),
                core.sender.run(self._stop),
                core.place_keeper.run(self._stop),
            )

    def leave(self) -> None:
        """Say at ``/health/ready`` that requests should go elsewhere; any that come are served."""
        if self._core is not None:
            self._core.services.leaving.set()

    async def stop(self) -> None:
        """Write down what is known, then let go of everything."""
        if self._core is None or self._stop is None or self._chores is None:
            return
        self.leave()
        self._stop.set()
        try:
            with suppress(asyncio.CancelledError):
                await self._chores
        finally:
            core, self._core, self._edge = self._core, None, None
            await core.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Application"]:
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            edge = self._edge
            if edge is None:
                await self.start()
                edge = self._edge
                assert edge is not None
            await edge(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except Exception as error:  # noqa: BLE001  the server prints it and ends
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def create_app() -> Application:
    """For a server that wants a factory: settings from the environment and ``.env``."""
    return Application()
