"""The one database out of a ``.tar.gz`` that somebody else made (attack O12).

Invariant: nothing is written but to the file that the caller opened; no name in the archive is
ever a path, no size in it is believed, and at most `Bounds` are unpacked, link or no link.
"""

import gzip
import tarfile
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

from watchword.domain.places import FetchFailed

_PIECE: Final = 256 * 1024  # bytes
_PLAIN: Final = (tarfile.REGTYPE, tarfile.AREGTYPE)
_MOST_MEMBERS: Final = 100
_SUFFIX: Final = ".mmdb"

# What the libraries raise; the last one for headers of headers of headers.
_DAMAGE: Final = (
    *(tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, RecursionError),
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """In bytes: of what is fetched, and of what comes out of it, licences and all."""

    archive: int = 2**29
    unpacked: int = 2**30


class _Refused(Exception):
    """The text says what is wrong with the archive."""


def unpack(archive: BinaryIO, target: BinaryIO, bounds: Bounds) -> None:
    """Write the only ``.mmdb`` of ``archive`` to ``target``. Raise `FetchFailed`."""
    try:
        with gzip.GzipFile(fileobj=archive, mode="rb") as plain:
            _unpack(_Bounded(plain, bounds.unpacked), target)
    except (_Refused, *_DAMAGE) as error:
        reason = str(error) if isinstance(error, _Refused) else "it is damaged"
        raise FetchFailed(f"The archive is not as it should be: {reason}.") from None


def _unpack(plain: "_Bounded", target: BinaryIO) -> None:
    found = False
    # "r:" reads a header by its size at once, which `_Bounded` refuses when it is a large one.
    with tarfile.open(fileobj=plain, mode="r:") as members:  # type: ignore[call-overload]
        for number, member in enumerate(members):
            _require_harmless(member, number)
            if not member.name.endswith(_SUFFIX):
                continue
            if found:
                raise _Refused("there are two databases in it")
            found = True
            _copy(members, member, target)
    if not found:
        raise _Refused("there is no database in it")


def _require_harmless(member: tarfile.TarInfo, number: int) -> None:
    if number >= _MOST_MEMBERS:
        raise _Refused("there is too much in it")
    if not member.isdir() and (member.type not in _PLAIN or member.issparse()):
        raise _Refused("there is a link or a device in it")
    if member.name.startswith("/") or ".." in member.name.split("/"):
        raise _Refused("a name in it leads out of it")


def _copy(members: tarfile.TarFile, member: tarfile.TarInfo, target: BinaryIO) -> None:
    source = members.extractfile(member)
    if source is None:
        raise _Refused("its database is a folder")
    while piece := source.read(_PIECE):
        target.write(piece)


class _Bounded:
    """Reads on in small pieces up to a bound, as `tarfile` wants a file to be."""

    def __init__(self, plain: gzip.GzipFile, most: int) -> None:
        self._plain = plain
        self._most = most

    def read(self, size: int) -> bytes:
        self._require(self.tell() + size)
        if not 0 <= size <= _PIECE:
            raise _Refused("a header in it is too large")
        return self._plain.read(size)

    def seek(self, offset: int) -> int:
        """Forward: the way back begins anew each time, and could be gone for ever."""
        if offset < self.tell():
            raise _Refused("it leads back into itself")
        self._require(offset)
        return self._plain.seek(offset)

    def tell(self) -> int:
        return self._plain.tell()

    def _require(self, offset: int) -> None:
        """Before anything is unpacked on the way there."""
        if offset > self._most:
            raise _Refused("it is larger than any such database")
