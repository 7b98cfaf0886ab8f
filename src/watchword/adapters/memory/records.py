"""Links, known devices, signing keys and the audit log on dicts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from watchword.adapters.memory.tables import Place
from watchword.domain.errors import LinkInvalid
from watchword.domain.events import Event
from watchword.domain.links import Link, Purpose
from watchword.domain.time import Instant, Span
from watchword.ports import (
    AuditQuery,
    AuditRecord,
    Page,
    PageRequest,
    RequestTrace,
    StoredKey,
    Topic,
)


class MemoryLinks:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def insert(self, link: Link) -> None:
        tables = self._place.tables
        kept = tables.links
        if link.purpose.replaces:
            owner = (link.purpose, link.user_id)
            kept = {k: v for k, v in kept.items() if (v.purpose, v.user_id) != owner}
        tables.links = {**kept, link.token_hash: link}

    async def require_live(self, token_hash: bytes, purpose: Purpose, *, now: Instant) -> Link:
        link = self._place.tables.links.get(token_hash)
        if link is None or link.purpose.value != purpose.value or now >= link.expires_at:
            raise LinkInvalid
        return link

    async def consume(
        self,
        token_hash: bytes,
        purpose: Purpose,
        *,
        now: Instant,
        binding: bytes | None = None,
    ) -> Link | None:
        link = self._place.tables.links.get(token_hash)
        if link is None or link.purpose.value != purpose.value or now >= link.expires_at:
            return None
        if link.binding is not None and link.binding != binding:
            return None
        return self._place.tables.links.pop(token_hash)

    async def discard(self, user_id: str) -> None:
        links = self._place.tables.links
        self._place.tables.links = {k: v for k, v in links.items() if v.user_id != user_id}


class MemoryDevices:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def is_known(self, user_id: str, device_hash: bytes) -> bool:
        return (user_id, device_hash) in self._place.tables.devices

    async def last_seen(self, user_id: str, device_hash: bytes) -> Instant | None:
        return self._place.tables.devices.get((user_id, device_hash))

    async def has_any(self, user_id: str) -> bool:
        return any(known == user_id for known, _ in self._place.tables.devices)

    async def remember(self, user_id: str, device_hash: bytes, *, now: Instant) -> None:
        tables, device = self._place.tables, (user_id, device_hash)
        if user_id not in tables.accounts:
            return
        if device not in tables.devices:
            tables.first_seen[device] = now
            tables.trusted.pop(device, None)
        tables.devices[device] = now

    async def trust(self, user_id: str, device_hash: bytes, *, until: Instant) -> None:
        if await self.is_known(user_id, device_hash):
            self._place.tables.trusted[user_id, device_hash] = until

    async def is_trusted(self, user_id: str, device_hash: bytes, *, now: Instant) -> bool:
        return self._place.tables.trusted.get((user_id, device_hash), now) > now

    async def distrust(self, user_id: str) -> None:
        trusted = self._place.tables.trusted
        self._place.tables.trusted = {k: at for k, at in trusted.items() if k[0] != user_id}


class MemoryKeys:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def list_keys(self) -> Sequence[StoredKey]:
        return sorted(self._place.tables.keys.values(), key=lambda k: (k.created_at, k.kid))

    async def insert(self, key: StoredKey) -> None:
        self._place.tables.keys[key.kid] = key
        self._place.tables.note(Topic.KEYS)

    async def activate(self, kid: str, *, now: Instant, overlap: Span) -> None:
        keys = self._place.tables.keys
        chosen = keys.get(kid)
        if chosen is None or chosen.activated_at is not None:
            return
        for key in list(keys.values()):
            if key.activated_at is not None and key.retires_at is None:
                keys[key.kid] = replace(key, retires_at=now + overlap)
        keys[kid] = replace(chosen, activated_at=now)
        self._place.tables.note(Topic.KEYS)

    async def reseal(self, kid: str, sealed: bytes) -> None:
        keys = self._place.tables.keys
        if kid in keys:
            keys[kid] = replace(keys[kid], sealed=sealed)

    async def delete(self, kid: str) -> None:
        self._place.tables.keys.pop(kid, None)
        self._place.tables.note(Topic.KEYS)


class MemoryAuditLog:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def append(self, event: Event, *, at: Instant, trace: RequestTrace) -> None:
        tables = self._place.tables
        tables.events += 1
        tables.audit[tables.events] = AuditRecord(
            id=str(tables.events),
            at=at,
            type=event.type,
            subject=event.subject,
            actor=event.actor,
            session=event.session,
            trace=trace._replace(language=""),
            details=json.dumps(event.details(), separators=(",", ":")),
        )


class MemoryAuditReader:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def list_events(self, query: AuditQuery, page: PageRequest) -> Page[AuditRecord]:
        matching = [
            record
            for record in reversed(self._place.tables.audit.values())
            if _is_after(record, page.after) and _matches(record, query)
        ]
        shown = matching[: page.limit]
        return Page(shown, shown[-1].id if len(matching) > page.limit else None)

    async def count_events(
        self, types: Sequence[str], *, since: Instant, step: Span, steps: int
    ) -> Mapping[str, Sequence[int]]:
        counts = {type_: [0] * steps for type_ in types}
        for record in self._place.tables.audit.values():
            number = (record.at - since) // step
            if record.type in counts and 0 <= number < steps:
                counts[record.type][number] += 1
        return counts


def _is_after(record: AuditRecord, after: str | None) -> bool:
    return after is None or (after.isdecimal() and int(record.id) < int(after))


def _matches(record: AuditRecord, query: AuditQuery) -> bool:
    return (
        (query.user is None or query.user in {record.subject, record.actor})
        and query.type in {None, record.type}
        and (query.since is None or record.at >= query.since)
        and (query.until is None or record.at < query.until)
    )
