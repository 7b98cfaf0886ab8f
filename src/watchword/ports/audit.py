"""The promises of the audit log: it is only ever appended to, with what it tells of."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from watchword.domain.events import Event
from watchword.domain.time import Instant, Span
from watchword.ports.values import AuditQuery, AuditRecord, Page, PageRequest, RequestTrace


class AuditLog(Protocol):
    async def append(self, event: Event, *, at: Instant, trace: RequestTrace) -> None: ...


class AuditReader(Protocol):
    async def list_events(self, query: AuditQuery, page: PageRequest) -> Page[AuditRecord]:
        """Newest first."""
        ...

    async def count_events(
        self, types: Sequence[str], *, since: Instant, step: Span, steps: int
    ) -> Mapping[str, Sequence[int]]:
        """How many there were of each type, in each of so many ``steps`` of ``step`` ms, of which
        the first begins at ``since``. All as of one moment.
        """
        ...
