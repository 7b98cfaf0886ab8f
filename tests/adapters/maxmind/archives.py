"""Databases as MaxMind offers them, and archives that nobody should offer."""

import gzip
import io
import tarfile
from pathlib import Path

MMDB = Path(__file__).parent / "mmdb"
CITIES = (MMDB / "GeoLite2-City-Test.mmdb").read_bytes()
DAMAGED = sorted((MMDB / "damaged").glob("*.mmdb"))

LONDON = "81.2.69.142"
LINKOEPING = "89.160.20.112"
MILTON = "216.160.83.56"
NAME = "GeoLite2-City_20261117/GeoLite2-City.mmdb"
LICENCE = "GeoLite2-City_20261117/LICENSE.txt"


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    about = tarfile.TarInfo(name)
    about.size = len(content)
    about.type = kind
    return about


def archive(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    """The same bytes whenever it is packed: two servers offer one archive, with one sum."""
    plain_archive = io.BytesIO()
    with tarfile.open(fileobj=plain_archive, mode="w", format=form) as file:
        for about, content in members:
            file.addfile(about, io.BytesIO(content))
    return gzip.compress(plain_archive.getvalue(), mtime=0)


def plain(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, content), content


def offered(database: bytes = CITIES) -> bytes:
    """As MaxMind packs it: a folder with the database among its licences."""
    folder = member("GeoLite2-City_20261117", kind=tarfile.DIRTYPE)
    return archive((folder, b""), plain(LICENCE, b"You may."), plain(NAME, database))
