"""What can be wrong with the store: it cannot be reached, is of another version, or is damaged; and
what can be wrong with what is in it.

Invariant: looking changes nothing, and makes no file that was not there.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watchword.adapters.secret_file import NAME as SECRET
from watchword.adapters.secret_file import REMEDY
from watchword.bootstrap.examination import Examination, examine
from watchword.bootstrap.parts import Secrets
from watchword.bootstrap.storage import counters_of, storage_of
from watchword.cli.findings import Finding, broken, hint, unsafe
from watchword.crypto.sealing import SealBroken
from watchword.crypto.secret import Secret
from watchword.domain.errors import Unavailable
from watchword.domain.time import Instant
from watchword.flows.keyring import place_of
from watchword.settings import SessionStore, Settings

_AGAIN: Final = "Then run `watchword doctor` again."


@dataclass(frozen=True, slots=True)
class Looked:
    """``schema`` is None as long as there is none, or as it cannot be read. ``sessions``: where is
    kept what moves in them.
    """

    place: str
    sessions: str
    schema: str | None
    is_reachable: bool
    findings: Sequence[Finding]

    def __str__(self) -> str:
        if not self.is_reachable:
            return f"{self.place}, which cannot be used"
        return f"{self.place}, {f'schema {self.schema}' if self.schema else 'not there yet'}"


def look_at_store(settings: Settings, now: Instant) -> Looked:
    try:
        storage = storage_of(settings)
    except Unavailable as error:
        finding = broken("WATCHWORD_DATABASE_URL", str(error), _AGAIN)
        place = "another store"
        return Looked(place, place, None, is_reachable=False, findings=[finding])
    place = storage.place
    sessions = _place_of_sessions(settings, place)
    try:
        found = asyncio.run(examine(storage, now))
    except Unavailable as error:
        finding = broken(place, str(error), _AGAIN)
        return Looked(place, sessions, None, is_reachable=False, findings=[finding])
    findings = [
        *_of_schema(place, found),
        *_of_content(settings, place, found),
        *asyncio.run(_of_counters(settings)),
    ]
    return Looked(place, sessions, found.revision, is_reachable=True, findings=findings)


def _place_of_sessions(settings: Settings, place: str) -> str:
    if settings.session_store is SessionStore.DATABASE or settings.redis_url is None:
        return place
    return settings.redis_url.place


def files_of_store(settings: Settings) -> Sequence[Path]:
    """Those on this machine; none when a server has them."""
    try:
        return storage_of(settings).files
    except Unavailable:
        return ()


async def _of_counters(settings: Settings) -> Sequence[Finding]:
    counters = counters_of(settings.redis_url)
    if settings.redis_url is None or counters is None:
        return ()
    place = settings.redis_url.place
    try:
        await counters.check()
        policy = await counters.eviction_policy()
    except Unavailable as error:
        return [broken(place, str(error), _AGAIN)]
    finally:
        await counters.close()
    if policy in {None, "noeviction"}:
        return ()
    lost = "counts of failed sign-ins"
    if settings.session_store is SessionStore.REDIS:
        lost += " and sessions, whose people are signed out"
    problem = f"When its memory is short, it throws away {lost} ({policy})."
    return [unsafe(place, problem, "Set its maxmemory-policy to noeviction.")]


def _of_schema(place: str, found: Examination) -> Iterator[Finding]:
    if found.revision is None:
        yield hint(place, "It is not there yet.", "`watchword serve` makes it.")
    elif found.revision < found.newest_revision:
        yield hint(
            place,
            f"It has schema {found.revision}, this version uses {found.newest_revision}.",
            "Run `watchword migrate`; `watchword serve` does it as well.",
        )
    elif found.revision > found.newest_revision:
        yield broken(
            place,
            f"A newer version has given it schema {found.revision}.",
            "Install that version again, or restore a backup.",
        )


def _of_content(settings: Settings, place: str, found: Examination) -> Iterator[Finding]:
    yield from _of_keys(settings, found)
    for fault in found.faults:
        yield broken(
            place,
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
    if found.has_future_events:
        yield unsafe(
            "clock",
            "The last audited event lies in the future: the clock was put back, or was wrong.",
            "Set it (NTP); what was issued meanwhile lives too long.",
        )


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
