"""What can be wrong with the machine: files that others can read, a full disk, a clock that is off.

Invariant: looking changes nothing, and makes no file that was not there.
"""

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir
from typing import Final

import structlog

from watchword.adapters.breaches import SortedFileUnusable
from watchword.adapters.maxmind import DatabaseUnusable, open_database
from watchword.adapters.secret_file import NAME as SECRET
from watchword.adapters.smtp import make_tls
from watchword.bootstrap.breaches import require_breach_file
from watchword.bootstrap.mail import make_composer
from watchword.cli.findings import Finding, broken, hint, unsafe
from watchword.cli.stored import files_of_store
from watchword.domain.errors import Unavailable
from watchword.domain.time import DAY, Instant
from watchword.settings import Settings

_RELEASED: Final[Instant] = 1_793_491_200_000  # 2026-11-01: no clock that is right shows less
_GIB: Final = 2**30
_LITTLE_DISK: Final = _GIB
_OLD_PLACES: Final = 90 * DAY
_NO_DISK: Final = _GIB // 10


def of_machine(settings: Settings, now: Instant) -> Iterator[Finding]:
    yield from _of_files(settings)
    yield from _of_breach_file(settings)
    yield from _of_places(settings, now)
    yield from _of_disk(settings)
    yield from _of_mail(settings)
    if now < _RELEASED:
        yield unsafe(
            "clock", "It is far behind, so that tokens and sessions live too long.", "Set it (NTP)."
        )
    if sys.platform != "win32" and os.geteuid() == 0:
        yield hint(
            "user", "This runs as root, who can do more than is needed.", "Use a user of its own."
        )


def _of_files(settings: Settings) -> Iterator[Finding]:
    private = {
        settings.data_dir: 0o700,
        settings.data_dir / SECRET: 0o600,
        settings.mail_dir: 0o700,
        **dict.fromkeys(files_of_store(settings), 0o600),
    }
    if settings.data_dir.exists() and not os.access(settings.data_dir, os.W_OK):
        problem = "Nothing can be written there."
        yield broken(str(settings.data_dir), problem, "Give the service this folder.")
    for path, mode in private.items():
        if _is_open(path):
            problem = "Other users of this machine can get at it."
            yield unsafe(str(path), problem, f"chmod {mode:o} {path}")
    if _is_open(Path(".env")):
        problem = "Other users of this machine can read it, and what is secret in it."
        yield hint(".env", problem, "chmod 600 .env")


def _of_breach_file(settings: Settings) -> Iterator[Finding]:
    try:
        require_breach_file(settings)
    except SortedFileUnusable as error:
        yield broken("WATCHWORD_BREACH_FILE", error.problem, error.remedy)


def _of_places(settings: Settings, now: Instant) -> Iterator[Finding]:
    """Where nobody has asked for places, none are missed."""
    file, subject = settings.geo_file, "WATCHWORD_GEO_DATABASE"
    fetch = "Run `watchword geo update`" if settings.geo_source else "Put one there"
    if not file.exists():
        yield from _of_no_places(settings, f"{fetch}; it is taken over within a minute.")
        return
    folder = settings.geo_dir if settings.geo_dir.is_dir() else Path(gettempdir())
    try:
        database = open_database(file, folder)
    except DatabaseUnusable as refusal:
        yield broken(subject, str(refusal), f"{fetch}, and it is taken over within a minute.")
        return
    if now - database.about.built_at > _OLD_PLACES:
        problem = "It is months old, and addresses have moved since."
        yield hint(subject, problem, f"{fetch}: MaxMind makes a new one twice a week.")


def _of_no_places(settings: Settings, remedy: str) -> Iterator[Finding]:
    subject, missing = "WATCHWORD_GEO_DATABASE", f"{settings.geo_file} is not there, so"
    if settings.countries_allowed:
        problem = f"{missing} nobody can sign in but from this network."
        yield broken(subject, problem, remedy)
    elif settings.countries_blocked:
        yield broken(subject, f"{missing} no country is blocked.", remedy)
    elif settings.geo_database is not None or settings.geo_source is not None:
        yield hint(subject, f"{missing} nobody is told where a session is.", remedy)


def _is_open(path: Path) -> bool:
    if sys.platform == "win32" or not path.exists():
        return False
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _of_disk(settings: Settings) -> Iterator[Finding]:
    """The one of the database, or else of the data directory."""
    written = [*files_of_store(settings), settings.data_dir / SECRET][0]
    place = next(folder for folder in written.parents if folder.exists())
    free = shutil.disk_usage(place).free
    if free < _LITTLE_DISK:
        told = broken if free < _NO_DISK else hint
        yield told(
            str(place),
            f"{free / _GIB:.1f} GiB of the disk are free; on a full one nothing can be changed.",
            "Make room.",
        )


def _of_mail(settings: Settings) -> Iterator[Finding]:
    """What the start would refuse."""
    try:
        if settings.smtp_ca_file is not None:
            make_tls(settings.smtp_ca_file)
    except Unavailable as error:
        yield broken("WATCHWORD_SMTP_CA_FILE", str(error), "Leave it out to trust the system's.")
    try:
        make_composer(settings, structlog.get_logger().bind())
    except Unavailable as error:
        yield broken("WATCHWORD_TEMPLATES", str(error), "docs/mail.md tells how they are written.")
