"""An application of one page, with Watchword mounted beside it on the same origin.

    python examples/passkeys/application.py

serves it where WATCHWORD_PUBLIC_URL says, on this machine: http://localhost:8000. Settings and data
are those of `watchword serve` in the same folder. With WATCHWORD_PAGES=off it alone has pages.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from watchword.bootstrap import Application
from watchword.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

FOLDER = Path(__file__).parent
FILES = {
    "/": ("page.html", b"text/html; charset=utf-8"),
    "/page.css": ("page.css", b"text/css; charset=utf-8"),
    "/page.js": ("page.js", b"text/javascript; charset=utf-8"),
}
# What the page does not need is forbidden, so that a script which gets in has nothing to work with.
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'"
)


class Site:
    """The application's own files; every other address is Watchword's. So is the lifespan: the
    server that starts and stops this starts and stops Watchword.
    """

    def __init__(self, auth: Application) -> None:
        self._auth = auth
        self._files = {
            path: (kind, (FOLDER / name).read_bytes()) for path, (name, kind) in FILES.items()
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        file = self._files.get(scope["path"]) if scope["type"] == "http" else None
        if file is None:
            await self._auth(scope, receive, send)
            return
        kind, content = file
        headers = [
            (b"content-type", kind),
            (b"content-length", b"%d" % len(content)),
            (b"content-security-policy", POLICY),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else content
        await send({"type": "http.response.body", "body": body})


async def main() -> None:
    settings = Settings.load()
    config = uvicorn.Config(
        Site(Application(settings)),
        host="localhost",
        port=urlsplit(settings.public_url).port or 80,
        proxy_headers=False,  # Watchword reads them itself, from WATCHWORD_TRUSTED_PROXIES alone
        server_header=False,
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(main())
