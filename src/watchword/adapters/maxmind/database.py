"""One database, opened and tried. Invariant: what is in use is a copy that nobody else reaches."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Final, cast

from watchword.adapters.maxmind.records import place_of
from watchword.domain.devices import printable
from watchword.domain.places import Place
from watchword.domain.time import SECOND, Instant

if TYPE_CHECKING:
    from maxminddb import Reader
    from maxminddb.reader import Metadata

LARGEST: Final = 2**30  # bytes; the largest that MaxMind offers have some hundred million
_LONGEST_TYPE: Final = 100
_MAPPED: Final = ".watchword-mapped"
_ABANDONED: Final = 3_600  # seconds; a copy has its name for less than one
_REMEMBERED: Final = 4_096
_SAMPLES: Final = 1_024
_LONGEST_RECORD: Final = 65_536  # characters; a city's has some 2,500, and takes microseconds
_LAST_MOMENT: Final[Instant] = 253_402_300_799_000  # 9999-12-31: no calendar shows later ones
_IPV6_IN_USE: Final = 0x2000 << 112  # 2000::/3


class DatabaseUnusable(Exception):
    """The text is a sentence for operators."""


class DatabaseUnreadable(DatabaseUnusable):
    """It is not the file's fault, or may not be: another time it may be read."""


@dataclass(frozen=True, slots=True)
class About:
    """``kind`` is what its maker calls it: ``GeoLite2-City``."""

    kind: str
    built_at: Instant


class Database:
    """Whatever was asked lately is remembered: reading a record takes several microseconds."""

    def __init__(self, reader: "Reader", about: About) -> None:
        self.about = about
        self._reader = reader
        self.find = lru_cache(_REMEMBERED)(self._find)
        """Raise `ValueError` for a text that is no address, and whatever the library does when the
        database is damaged.
        """

    def _find(self, ip: str) -> Place | None:
        return place_of(self._reader.get(ip))


def open_database(path: Path, folder: Path) -> Database:
    """A copy of ``path``, which lies in ``folder`` without a name for as long as it is used.

    Raise `DatabaseUnusable`, or of it `DatabaseUnreadable`. It reads the whole file, so it is for a
    thread.
    """
    import maxminddb  # lazy: 50 ms, and only for those who have a database

    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with NamedTemporaryFile(dir=folder, prefix=f".{path.name}.", suffix=_MAPPED) as copy:
            with path.open("rb") as file:
                _require_size(os.fstat(file.fileno()).st_size, path)
                shutil.copyfileobj(file, copy, 2**20)
            copy.flush()
            _sweep(Path(copy.name))
            reader = maxminddb.open_database(copy.name)
        return _tried(reader, path)
    except OSError as error:
        raise DatabaseUnreadable(f"{path} cannot be read ({error.strerror or error}).") from None
    except Exception as error:
        if isinstance(error, DatabaseUnusable):
            raise
        # From None: the library's texts name the copy, which nobody can find any more.
        raise DatabaseUnusable(f"{path} is no sound MaxMind database.") from None


def _require_size(size: int, path: Path) -> None:
    if size > LARGEST:
        raise DatabaseUnusable(f"{path} is larger than any such database.")


def _sweep(copy: Path) -> None:
    """Those that a process left behind which was killed before it could take their names away."""
    now = copy.stat().st_mtime
    for other in copy.parent.glob(f".*{_MAPPED}"):
        with suppress(FileNotFoundError):  # another process sweeps as well
            if now - other.stat().st_mtime > _ABANDONED:
                other.unlink()


def _tried(reader: "Reader", path: Path) -> Database:
    """Whatever is wrong with a file as a whole shows in a thousand addresses all over it."""
    about = _about(reader.metadata())
    for address in _samples(reader.metadata().ip_version):
        if len(repr(reader.get(address))) > _LONGEST_RECORD:
            raise DatabaseUnusable(f"{path} has records that are larger than any place.")
    if not about.kind:
        raise DatabaseUnusable(f"{path} does not say what it is.")
    return Database(reader, about)


def _about(metadata: "Metadata") -> About:
    # The library promises types that it does not check.
    kind, built = cast("object", metadata.database_type), cast("object", metadata.build_epoch)
    name = printable(kind, _LONGEST_TYPE) if isinstance(kind, str) else ""
    built_at = built * SECOND if isinstance(built, int) else 0
    return About(name, built_at if 0 <= built_at <= _LAST_MOMENT else 0)


def _samples(version: int) -> Iterator[IPv4Address | IPv6Address]:
    for number in range(_SAMPLES):
        yield IPv4Address((number << 22) + 1)
        if version == 6:  # noqa: PLR2004  as IP counts its versions
            yield IPv6Address(_IPV6_IN_USE + (number << 115))
