"""A real Chromium on the page of `examples/passkeys`, with an authenticator that it makes believe.

One browser for each module, one server and one profile for each test. Nothing waits by the clock:
what is waited for is on the page.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, async_playwright

from examples.passkeys.application import Site
from tests.browser.album import Album
from tests.browser.chromium import launched
from tests.browser.person import Person
from tests.browser.reader import Reader, Visiting
from tests.driving import Server, serving
from tests.npm import installed
from watchword.settings.choices import Pages

Opening = Callable[..., Any]


class Quiet(uvicorn.Server):
    """Leaves the signals to the tests."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def url_of(listening: socket.socket) -> str:
    return f"http://localhost:{listening.getsockname()[1]}"


@asynccontextmanager
async def a_site(folder: Path, **settings: Any) -> AsyncIterator[Server]:
    """The example on a port of its own, of which its public URL tells."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with a_site_at(listening, folder, **settings) as server:
            yield server


@asynccontextmanager
async def a_site_at(
    listening: socket.socket, folder: Path, **settings: Any
) -> AsyncIterator[Server]:
    async with (
        serving(folder, public_url=url_of(listening), pages=Pages.OFF, **settings) as server,
        _on(listening, Site(server.app)),
    ):
        yield server


@asynccontextmanager
async def a_place(listening: socket.socket, folder: Path, **settings: Any) -> AsyncIterator[Server]:
    """Watchword alone, with its own pages."""
    async with serving(folder, **settings) as server, _on(listening, server.app):
        yield server


@asynccontextmanager
async def _on(listening: socket.socket, app: Any) -> AsyncIterator[None]:
    site = Quiet(uvicorn.Config(app, lifespan="off", log_config=None))
    running = asyncio.create_task(site.serve([listening]))
    try:
        yield
    finally:
        site.should_exit = True
        await running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        try:
            yield browser
        finally:
            await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def opening(browser: Browser, tmp_path: Path, album: Album) -> AsyncIterator[Opening]:
    """Somebody at a new browser on a new site with these settings."""
    async with AsyncExitStack() as stack:

        async def opened(*, autofill: bool = False, **settings: Any) -> Person:
            server = await stack.enter_async_context(a_site(tmp_path, **settings))
            context = await stack.enter_async_context(album.context(browser))
            return await Person.at(server, context, autofill=autofill)

        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def ada(opening: Opening) -> Person:
    person: Person = await opening()
    return person


@pytest_asyncio.fixture(loop_scope="module")
async def visiting(browser: Browser, tmp_path: Path, album: Album) -> AsyncIterator[Visiting]:
    """A new browser on our pages; the second of a test on the same ones."""
    async with AsyncExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        server = await stack.enter_async_context(
            a_place(listening, tmp_path, public_url=url_of(listening))
        )

        async def visit(**how: Any) -> Reader:
            context = await stack.enter_async_context(album.context(browser, **how))
            page, url = await context.new_page(), server.core.settings.public_url
            return Reader(url=url, context=context, page=page, album=album, server=server)

        yield visit


@pytest.fixture
def album(request: pytest.FixtureRequest) -> Album:
    return Album.of(request.node)


@pytest.fixture
def axe(pytestconfig: pytest.Config) -> str:
    modules = installed(pytestconfig, Path(__file__).parent / "npm")
    return (modules / "axe-core" / "axe.min.js").read_text("utf-8")
