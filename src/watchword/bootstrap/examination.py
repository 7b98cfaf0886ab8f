"""What `doctor` wants to know of a store, whichever it is. Invariant: nothing in it is changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from watchword.bootstrap.storage import NEWEST, Storage
from watchword.domain.time import MINUTE, Instant
from watchword.ports import AuditQuery, OpenStore, PageRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """``revision`` of the schema (None: there is none yet) beside the one of this version, what is
    damaged, and whether anything has been audited that has not happened yet.
    """

    revision: str | None
    newest_revision: str = NEWEST
    faults: Sequence[str] = ()
    has_admin: bool = False
    has_future_events: bool = False
    sealed_keys: Sequence[tuple[str, bytes]] = ()


async def examine(storage: Storage, now: Instant) -> Examination:
    """Raise `Unavailable` whose text says what to do when it cannot be reached, read or used."""
    revision = await storage.revision()
    if revision is None:
        return Examination(revision=None)
    faults = await storage.faults()
    if revision != NEWEST:
        return Examination(revision=revision, faults=faults)
    store = await storage.open()
    try:
        return await _look_inside(store, revision, faults, now)
    finally:
        await store.close()


async def _look_inside(
    store: OpenStore, revision: str, faults: Sequence[str], now: Instant
) -> Examination:
    reading = store.reading
    to_come = AuditQuery(since=now + MINUTE)
    events = await reading.audit.list_events(to_come, PageRequest(1))
    keys = await reading.keys.list_keys()
    return Examination(
        revision=revision,
        faults=faults,
        has_admin=await reading.administrators.has_any(),
        has_future_events=bool(events.rows),
        sealed_keys=[(key.kid, key.sealed) for key in keys],
    )
