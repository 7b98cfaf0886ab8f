"""Passkeys on a dict. Invariant: no verb makes a counter go back."""

from collections.abc import Sequence
from dataclasses import replace

from watchword.adapters.memory.tables import Place
from watchword.crypto.passkeys import PasskeyUse
from watchword.domain.errors import Conflict
from watchword.domain.factors import Passkey
from watchword.domain.time import Instant


class MemoryPasskeys:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def insert(self, passkey: Passkey) -> None:
        if await self.find(passkey.credential_id) is not None:
            raise Conflict("This passkey is registered already.")
        self._place.tables.passkeys[passkey.id] = passkey

    async def find(self, credential_id: bytes) -> Passkey | None:
        passkeys = self._place.tables.passkeys.values()
        return next((p for p in passkeys if p.credential_id == credential_id), None)

    async def list_of(self, user_id: str) -> Sequence[Passkey]:
        own = (p for p in self._place.tables.passkeys.values() if p.user_id == user_id)
        return sorted(own, key=lambda p: (p.created_at, p.id))

    async def record_use(self, passkey_id: str, use: PasskeyUse, *, now: Instant) -> bool:
        passkeys = self._place.tables.passkeys
        known = passkeys.get(passkey_id)
        if known is None or (use.sign_count <= known.sign_count and known.sign_count > 0):
            return False
        passkeys[passkey_id] = known.used(use, now)
        return True

    async def rename(self, user_id: str, passkey_id: str, name: str) -> bool:
        known = self._own(user_id, passkey_id)
        if known is not None:
            self._place.tables.passkeys[passkey_id] = replace(known, name=name)
        return known is not None

    async def remove(self, user_id: str, passkey_id: str) -> bool:
        known = self._own(user_id, passkey_id)
        if known is not None:
            del self._place.tables.passkeys[passkey_id]
        return known is not None

    def _own(self, user_id: str, passkey_id: str) -> Passkey | None:
        known = self._place.tables.passkeys.get(passkey_id)
        return known if known is not None and known.user_id == user_id else None
