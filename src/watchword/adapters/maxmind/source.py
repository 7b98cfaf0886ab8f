"""The port `PlaceSource`: one file, which the processes of a machine bring up to date in turns.

Beside the database lie ``<name>.lock``, which the one that is at it holds, and which ends with its
process; and ``<name>.notes``, which say for all of them where the database came from and when to
ask again. Invariant: under its own name a database is always whole.
"""

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final, cast

import msgspec

from watchword.adapters.maxmind.archive import unpack
from watchword.adapters.maxmind.database import DatabaseUnusable, open_database
from watchword.adapters.maxmind.download import Archive, Download, Progress
from watchword.domain.places import FetchFailed
from watchword.domain.time import Instant
from watchword.ports.places import Fetched

_DRAFT: Final = ".draft"
_NOTES: Final = ".notes"
_LOCK: Final = ".lock"


class _Notes(msgspec.Struct, frozen=True):
    """``modified`` is what the server at ``url`` called the time of the archive."""

    url: str = ""
    modified: str = ""
    due: Instant = 0


def unseen(came: int, whole: int | None) -> None:
    """A `Progress` for nobody."""


class MaxMindSource:
    """``path`` is where the database is to be. ``open_download`` is called on a thread, for each
    fetch anew, at whose end its connections are closed.
    """

    def __init__(
        self,
        path: Path,
        open_download: Callable[[], Download],
        progress: Progress = unseen,
    ) -> None:
        self._path = path
        self._open_download = open_download
        self._progress = progress

    async def due_at(self) -> Instant:
        return (await asyncio.to_thread(self._read)).due

    async def postpone(self, until: Instant) -> None:
        notes = await asyncio.to_thread(self._read)
        await asyncio.to_thread(self._write, msgspec.structs.replace(notes, due=until))

    async def fetch(self) -> Fetched:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._turn() as is_ours:
                return await self._fetch() if is_ours else Fetched.ELSEWHERE
        except OSError as error:
            raise FetchFailed(
                f"{self._path} cannot be written ({error.strerror or error})."
            ) from None

    async def _fetch(self) -> Fetched:
        download = await asyncio.to_thread(self._open_download)
        try:
            with TemporaryFile(dir=self._path.parent) as file:  # it has no name, and so no remains
                target = cast("BinaryIO", file)
                since = await asyncio.to_thread(self._modified, download.url)
                archive = await download.fetch(target, self._progress, unless_since=since)
                if archive is None:
                    return Fetched.SAME
                await _to_its_end(partial(self._put, target, archive, download))
                return Fetched.NEWER
        finally:
            await download.connections.aclose()

    def _put(self, file: BinaryIO, archive: Archive, download: Download) -> None:
        """Unpacked, tried and on the disk before it has its name."""
        draft = self._beside(_DRAFT)
        file.seek(0)
        try:
            with draft.open("wb") as target:
                unpack(file, target, download.bounds)
                target.flush()
                os.fsync(target.fileno())
            open_database(draft, draft.parent)
            draft.chmod(0o644)  # nothing in it is secret, and a command may run as another user
            draft.replace(self._path)
            _sync(self._path.parent)
            notes = self._read()
            self._write(_Notes(download.url, archive.modified, notes.due))
        except DatabaseUnusable as refusal:
            raise FetchFailed(f"What came cannot be used: {refusal}") from None
        finally:
            draft.unlink(missing_ok=True)

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """Whether it is this process's turn; what one before it left behind is removed."""
        with self._beside(_LOCK).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            self._beside(_DRAFT).unlink(missing_ok=True)
            yield True

    def _modified(self, url: str) -> str:
        """Of the database that is there and may stay; "" for one that is not sound, or comes from
        elsewhere.
        """
        notes = self._read()
        if notes.url != url:
            return ""
        try:
            open_database(self._path, self._path.parent)
        except DatabaseUnusable:
            return ""
        return notes.modified

    def _read(self) -> _Notes:
        try:
            return msgspec.json.decode(self._beside(_NOTES).read_bytes(), type=_Notes)
        except (OSError, msgspec.MsgspecError):
            return _Notes()

    def _write(self, notes: _Notes) -> None:
        """Who cannot write it down asks too often, and no more."""
        draft = self._beside(f"{_NOTES}.{os.getpid()}")
        with suppress(OSError):
            draft.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.write_bytes(msgspec.json.encode(notes))
            draft.replace(self._beside(_NOTES))

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(f"{self._path.name}{suffix}")


async def _to_its_end(work: Callable[[], None]) -> None:
    """On a thread, and waited for even by who is told to stop: it uses what they would close."""
    done = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(done)
    except asyncio.CancelledError:
        await done
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
