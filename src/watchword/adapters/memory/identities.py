"""Linked identities on a dict."""

from collections.abc import Sequence
from dataclasses import replace

from watchword.adapters.memory.tables import Place
from watchword.domain.errors import Conflict
from watchword.domain.identities import LinkedIdentity
from watchword.domain.time import Instant


class MemoryIdentities:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def find(self, issuer: str, subject: str) -> LinkedIdentity | None:
        return self._place.tables.identities.get((issuer, subject))

    async def list_of(self, user_id: str) -> Sequence[LinkedIdentity]:
        own = (i for i in self._place.tables.identities.values() if i.user_id == user_id)
        return sorted(own, key=lambda i: (i.created_at, i.issuer, i.subject))

    async def link(self, identity: LinkedIdentity) -> None:
        key = (identity.issuer, identity.subject)
        if key in self._place.tables.identities:
            raise Conflict("This account of the provider is linked already.")
        self._place.tables.identities[key] = identity

    async def note_use(self, identity: LinkedIdentity, address: str, *, now: Instant) -> None:
        known = self._own(identity)
        if known is not None:
            key = (known.issuer, known.subject)
            self._place.tables.identities[key] = replace(known, address=address, last_used_at=now)

    async def unlink(self, identity: LinkedIdentity) -> bool:
        known = self._own(identity)
        if known is not None:
            del self._place.tables.identities[known.issuer, known.subject]
        return known is not None

    async def unlink_unproven(self, user_id: str) -> Sequence[LinkedIdentity]:
        unproven = [i for i in await self.list_of(user_id) if not i.address_proven]
        for identity in unproven:
            await self.unlink(identity)
        return unproven

    def _own(self, identity: LinkedIdentity) -> LinkedIdentity | None:
        known = self._place.tables.identities.get((identity.issuer, identity.subject))
        return known if known is not None and known.user_id == identity.user_id else None
