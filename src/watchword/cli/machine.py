"""What can be wrong with the machine: files that others can read, a full disk, a clock that is off.

Invariant: looking changes nothing, and makes no file that was not there.
"""

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

from watchword.adapters.breaches import SortedFileUnusable
from watchword.adapters.secret_file import NAME as SECRET
from watchword.adapters.secret_file import REMEDY
from watchword.adapters.smtp import make_tls
from watchword.adapters.sql.inspection import Examination, examine
from watchword.bootstrap.breaches import require_breach_file
from watchword.bootstrap.mail import make_composer
from watchword.bootstrap.parts import Secrets
from watchword.cli.findings import Finding, broken, hint, unsafe
from watchword.crypto.sealing import SealBroken
from watchword.crypto.secret import Secret
from watchword.domain.errors import Unavailable
from watchword.domain.time import MINUTE, Instant
from watchword.flows.keyring import place_of
from watchword.settings import Settings

_RELEASED: Final[Instant] = 1_793_491_200_000  # 2026-11-01: no clock that is right shows less
_GIB: Final = 2**30
_LITTLE_DISK: Final = _GIB
_NO_DISK: Final = _GIB // 10


def of_machine(settings: Settings, now: Instant) -> Iterator[Finding]:
    yield from _of_files(settings)
    yield from _of_breach_file(settings)
    yield from _of_disk(settings.database_path)
    yield from _of_database(settings, now)
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
    database = settings.database_path
    private = {
        settings.data_dir: 0o700,
        settings.data_dir / SECRET: 0o600,
        settings.mail_dir: 0o700,
        database: 0o600,
        database.with_name(f"{database.name}-wal"): 0o600,
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


def _is_open(path: Path) -> bool:
    if sys.platform == "win32" or not path.exists():
        return False
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _of_disk(database: Path) -> Iterator[Finding]:
    place = next(folder for folder in database.parents if folder.exists())
    free = shutil.disk_usage(place).free
    if free < _LITTLE_DISK:
        told = broken if free < _NO_DISK else hint
        yield told(
            str(place),
            f"{free / _GIB:.1f} GiB of the disk are free; on a full one nothing can be changed.",
            "Make room.",
        )


def _of_database(settings: Settings, now: Instant) -> Iterator[Finding]:
    path = settings.database_path
    try:
        found = examine(path)
    except Unavailable as error:
        yield broken(str(path), str(error), "Then run `watchword doctor` again.")
        return
    yield from _of_schema(path, found)
    yield from _of_keys(settings, found)
    for fault in found.faults:
        yield broken(
            str(path),
            f"It is damaged ({fault}).",
            "Restore a backup, then run `watchword sessions revoke --all`.",
        )
    if not found.has_admin and (settings.admin_email is None or found.revision is not None):
        yield hint(
            "administrator",
            "There is none yet.",
            "Run `watchword admin create --email ADDRESS`, or open the link that the start prints.",
        )
    if found.has_admin and settings.admin_password is not None:
        yield hint(
            "WATCHWORD_ADMIN_PASSWORD",
            "There is an administrator, so it has no use any more, and can still leak.",
            "Remove it with WATCHWORD_ADMIN_EMAIL.",
        )
    if found.last_event_at is not None and found.last_event_at > now + MINUTE:
        yield unsafe(
            "clock",
            "The last audited event lies in the future: the clock was put back, or was wrong.",
            "Set it (NTP); what was issued meanwhile lives too long.",
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


def _of_keys(settings: Settings, found: Examination) -> Iterator[Finding]:
    """Whether the signing keys open with the secret that is there."""
    file = settings.data_dir / SECRET
    if not found.sealed_keys:
        return
    if not settings.secret and not file.exists():
        problem = "It is missing, and the signing keys were sealed with it."
        yield broken(str(file), problem, REMEDY)
        return
    sealer = Secrets(settings.secret or (Secret(file.read_bytes().strip()),)).sealer(
        "signing keys at rest"
    )
    try:
        for kid, sealed in found.sealed_keys:
            sealer.open(sealed, place_of(kid))
    except SealBroken:
        problem = "The signing keys were sealed with another secret."
        yield broken("WATCHWORD_SECRET", problem, "Give the former one as well, behind this one.")


def _of_schema(path: Path, found: Examination) -> Iterator[Finding]:
    if found.revision is None:
        yield hint(str(path), "It is not there yet.", "`watchword serve` makes it.")
    elif found.revision < found.newest_revision:
        yield hint(
            str(path),
            f"It has schema {found.revision}, this version uses {found.newest_revision}.",
            "Run `watchword migrate`; `watchword serve` does it as well.",
        )
    elif found.revision > found.newest_revision:
        yield broken(
            str(path),
            f"A newer version has given it schema {found.revision}.",
            "Install that version again, or restore a backup.",
        )
