"""The port `Places`: the database in use, and how another one takes its place.

Invariant: a look-up sees one database from beginning to end; the next one may see another.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from watchword.adapters.maxmind.database import (
    Database,
    DatabaseUnreadable,
    DatabaseUnusable,
    open_database,
)
from watchword.domain.places import Place

# Which file it is, and when somebody changed it: what is copied may keep the time of its content.
_Identity = tuple[int, int, int, int]


class MaxMindPlaces:
    """By the file ``path``, which may come, change and go at any time. Copies of it lie in
    ``folder``.

    ``failed`` is told, in a sentence, of a file that cannot be used or is damaged inside; once, as
    long as nothing changes.
    """

    def __init__(self, path: Path, folder: Path, failed: Callable[[str], None]) -> None:
        self._path = path
        self._folder = folder
        self._failed = failed
        self._database: Database | None = None
        self._seen: _Identity | None = None
        self._told = ""

    @property
    def database(self) -> Database | None:
        """The one in use."""
        return self._database

    def find(self, ip: str) -> Place | None:
        if self._database is None:
            return None
        try:
            return self._database.find(ip)
        except Exception as error:  # noqa: BLE001  a damaged database knows nothing, and no more
            self._complain(error)
            return None

    async def look(self) -> None:
        identity = await asyncio.to_thread(self._identify)
        if identity == self._seen:
            return
        if identity is None:  # it was taken away: what it said may not be said any more
            self._database = self._seen = None
            return
        try:
            database = await asyncio.to_thread(open_database, self._path, self._folder)
        except DatabaseUnreadable as refusal:
            self._tell(str(refusal))
        except DatabaseUnusable as refusal:
            self._seen = identity
            self._tell(str(refusal))
        else:
            self._seen, self._database, self._told = identity, database, ""

    def _identify(self) -> _Identity | None:
        try:
            about = self._path.stat()
        except OSError:
            return None
        return about.st_dev, about.st_ino, about.st_size, about.st_ctime_ns

    def _complain(self, error: Exception) -> None:
        """A text that is no address, and IPv6 in a database of IPv4, are no damage."""
        is_damage = not isinstance(error, ValueError) or isinstance(error, UnicodeError)
        if is_damage:
            self._tell(f"{self._path} is damaged ({type(error).__name__}).")

    def _tell(self, reason: str) -> None:
        """Not every minute the same."""
        if reason != self._told:
            self._told = reason
            self._failed(reason)
