"""The archive of a database over HTTP, as MaxMind offers it: a ``.tar.gz`` that moves to another
host at each request, and its SHA-256 beside it.

Invariant: account and licence key go to the configured origin alone, in a header, and nothing that
is raised or logged holds them, or the address that a redirect leads to, which is a key as well.
"""

import asyncio
import hashlib
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Final, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2

from watchword.adapters.maxmind.archive import Bounds
from watchword.crypto.secret import Secret
from watchword.domain.hosts import is_loopback
from watchword.domain.places import FetchFailed, FetchRefused

Result = TypeVar("Result")

# Told how many bytes have come, and how many there are to come, None: nobody has said.
Progress = Callable[[int, int | None], None]
Pause = Callable[[float], Awaitable[None]]

_OK: Final = 200
_NOT_MODIFIED: Final = 304
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 3
_REFUSED: Final = frozenset({401, 403})
_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = 500
_DIGEST = re.compile(rb"\s*([0-9A-Fa-f]{64})(?:\s.{0,200})?", re.DOTALL)
_LARGEST_DIGEST: Final = 1_024  # bytes
_LENGTH = re.compile(r"[0-9]{1,12}")
_PIECE: Final = 256 * 1024  # bytes
_HEADERS: Final = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # the sum is of the archive, and of nothing around it
    "User-Agent": "watchword",
}
_BEHIND: Final = ".sha256"


@dataclass(frozen=True, slots=True)
class Credentials:
    account_id: int
    license_key: Secret

    def header(self) -> str:
        pair = f"{self.account_id}:".encode() + self.license_key.reveal()
        return f"Basic {b64encode(pair).decode()}"


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds. ``waits`` are between the tries of a request that may still succeed; who asks for
    longer than ``longest_wait`` (`Retry-After`) gets none. ``whole``: of all of it together.
    """

    connect: float = 10
    silence: float = 30
    whole: float = 30 * 60
    waits: tuple[float, ...] = (2, 10, 60)
    longest_wait: float = 120


class _Later(Exception):
    """Another try may succeed, ``after`` so many seconds if the server has said."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Archive:
    """What was fetched. ``modified`` is what the server calls its time, "" when it does not."""

    digest: str
    modified: str


@dataclass(frozen=True, slots=True)
class Download:
    """From ``url``; its sum is at the same address with ``.sha256`` behind it."""

    url: str
    credentials: Credentials | None
    connections: httpx2.AsyncBaseTransport
    patience: Patience = field(default_factory=Patience)
    bounds: Bounds = field(default_factory=Bounds)
    pause: Pause = asyncio.sleep

    async def fetch(
        self, target: BinaryIO, progress: Progress, *, unless_since: str = ""
    ) -> Archive | None:
        """Write the archive to ``target``; None when there is none since (RFC 9110 13.1.3).

        Raise `FetchFailed`, `FetchRefused` when asking again would not help.
        """
        try:
            async with asyncio.timeout(self.patience.whole):
                archive = await self._patiently(
                    lambda: self._archive(target, progress, unless_since)
                )
                if archive is not None and archive.digest != await self._patiently(self._digest):
                    raise FetchFailed("What came is not what the server has published (SHA-256).")
                return archive
        except TimeoutError:
            raise FetchFailed("It took too long: the server sends too slowly.") from None

    async def _patiently(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        for wait in (*self.patience.waits, None):
            try:
                return await attempt()
            except _Later as later:
                pause = later.after if later.after is not None else wait
                if wait is None or pause is None or pause > self.patience.longest_wait:
                    raise FetchFailed(f"{later} Try again later.") from None
            await self.pause(pause)
        raise AssertionError("the last try returns or raises")

    async def _archive(
        self, target: BinaryIO, progress: Progress, unless_since: str
    ) -> Archive | None:
        conditions = {"If-Modified-Since": unless_since} if unless_since else {}
        async with self._answer(self.url, conditions) as answer:
            if answer.status_code == _NOT_MODIFIED and conditions:
                return None
            _require_ok(answer)
            digest = await self._take(answer, target, progress)
            return Archive(digest, answer.headers.get("last-modified", ""))

    async def _take(self, answer: httpx2.Response, target: BinaryIO, progress: Progress) -> str:
        """The SHA-256 of what is now in ``target``, which another try may have begun to fill."""
        digest, came = hashlib.sha256(), 0
        length = answer.headers.get("content-length", "")
        whole = int(length) if _LENGTH.fullmatch(length) else None
        target.seek(0)
        target.truncate()
        async for piece in answer.aiter_raw(_PIECE):
            came += len(piece)
            if came > self.bounds.archive:
                raise FetchFailed("The archive is larger than any such database.")
            await asyncio.to_thread(_keep, target, digest, piece)
            progress(came, whole)
        return digest.hexdigest()

    async def _digest(self) -> str:
        async with self._answer(self.url + _BEHIND, {}) as answer:
            _require_ok(answer)
            text = b""
            async for piece in answer.aiter_raw():
                text += piece
                if len(text) > _LARGEST_DIGEST:
                    break
        found = _DIGEST.fullmatch(text)
        if found is None:
            raise FetchFailed("The server publishes no SHA-256 of the archive.")
        return found[1].decode().lower()

    @asynccontextmanager
    async def _answer(self, url: str, more: Mapping[str, str]) -> AsyncIterator[httpx2.Response]:
        """Of whoever the server sends us to. Raise `_Later` for what may pass by itself."""
        try:
            for _ in range(_MOST_REDIRECTS + 1):
                answer = await self._ask(url, more)
                try:
                    if answer.status_code not in _REDIRECTS:
                        yield answer
                        return
                    url = self._next(url, answer.headers.get("location", ""))
                finally:
                    await answer.aclose()
        except httpx2.TimeoutException:
            raise _Later("The server does not answer in time.") from None
        except httpx2.TransportError:
            # From None: the library's exceptions hold the request, and that our key.
            raise _Later("The connection to the server cannot be made, or broke off.") from None
        raise FetchFailed("The server sends us round in circles.")

    async def _ask(self, url: str, more: Mapping[str, str]) -> httpx2.Response:
        headers = {**_HEADERS, **more}
        if self.credentials is not None and _origin(url) == _origin(self.url):
            headers["Authorization"] = self.credentials.header()
        timeout = httpx2.Timeout(self.patience.silence, connect=self.patience.connect)
        request = httpx2.Request(
            "GET", url, headers=headers, extensions={"timeout": timeout.as_dict()}
        )
        return await self.connections.handle_async_request(request)

    def _next(self, url: str, location: str) -> str:
        """Never from https to http, nor from this machine's own http to another's."""
        try:
            target = urljoin(url, location)
            parts = urlsplit(target)
            host = httpx2.URL(target).host
        except (ValueError, httpx2.InvalidURL):  # whose texts may hold the address
            raise _no_address() from None
        is_ours = self.url.startswith("http://") and is_loopback(parts.hostname or "")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_ours):
            raise FetchFailed("The server sends us where nothing is encrypted.")
        if not host:
            raise _no_address()
        return target


def _no_address() -> FetchFailed:
    return FetchFailed("The server sends us to what is no address.")


def _keep(target: BinaryIO, digest: "hashlib._Hash", piece: bytes) -> None:
    digest.update(piece)
    target.write(piece)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _require_ok(answer: httpx2.Response) -> None:
    status = answer.status_code
    if status in _REFUSED:
        raise FetchRefused(
            f"The server does not accept the account id and the licence key ({status}): check"
            " WATCHWORD_MAXMIND_ACCOUNT_ID and WATCHWORD_MAXMIND_LICENSE_KEY."
        )
    if status == _TOO_MANY or status >= _SERVER_ERRORS:
        after = answer.headers.get("retry-after", "")
        seconds = float(after) if _LENGTH.fullmatch(after) else None
        raise _Later(f"The server answers {status}.", seconds)
    if status != _OK:
        raise FetchFailed(f"The server answers {status}: check WATCHWORD_GEO_DOWNLOAD_URL.")
