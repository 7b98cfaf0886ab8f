"""Second factors on dicts."""

from collections.abc import Sequence
from dataclasses import replace

from watchword.adapters.memory.tables import Place
from watchword.domain.factors import Totp
from watchword.domain.sessions import Session
from watchword.domain.time import Instant
from watchword.ports import Topic


class MemoryTotpFactors:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def propose(self, totp: Totp) -> bool:
        tables = self._place.tables
        held = tables.totp.get(totp.user_id)
        if totp.user_id not in tables.accounts or (held is not None and held.is_active):
            return False
        tables.totp[totp.user_id] = totp
        return True

    async def find(self, user_id: str) -> Totp | None:
        return self._place.tables.totp.get(user_id)

    async def confirm(self, totp: Totp, *, step: int, now: Instant, shown_in: Session) -> bool:
        held = self._place.tables.totp.get(totp.user_id)
        if held is None or held.is_active or held.sealed_secret != totp.sealed_secret:
            return False
        self._place.tables.totp[held.user_id] = replace(held, last_step=step, confirmed_at=now)
        sessions = self._place.tables.sessions
        session = sessions.get(shown_in.id)
        if session is not None and session.ended_at is None:
            sessions[session.id] = replace(session, amr=shown_in.amr)
        self._enable(held.user_id, enabled=True)
        return True

    async def burn(self, user_id: str, step: int) -> bool:
        held = self._place.tables.totp.get(user_id)
        if held is None or not (held.is_active and held.accepts(step)):
            return False
        self._place.tables.totp[user_id] = replace(held, last_step=step)
        return True

    async def list_after(self, user_id: str, *, at_most: int) -> Sequence[Totp]:
        totp = self._place.tables.totp
        return [totp[key] for key in sorted(totp) if key > user_id][:at_most]

    async def reseal(self, totp: Totp, sealed_secret: bytes) -> None:
        held = self._place.tables.totp.get(totp.user_id)
        if held is not None and held.sealed_secret == totp.sealed_secret:
            self._place.tables.totp[held.user_id] = replace(held, sealed_secret=sealed_secret)

    async def remove(self, user_id: str) -> bool:
        held = self._place.tables.totp.pop(user_id, None)
        self._place.tables.recovery_codes.pop(user_id, None)
        if held is None or not held.is_active:
            return False
        self._enable(user_id, enabled=False)
        return True

    def _enable(self, user_id: str, *, enabled: bool) -> None:
        tables = self._place.tables
        tables.accounts[user_id] = replace(tables.accounts[user_id], mfa_enabled=enabled)
        tables.note(Topic.USER, user_id)


class MemoryRecoveryCodes:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def replace(self, user_id: str, hashes: Sequence[bytes]) -> None:
        self._place.tables.recovery_codes[user_id] = frozenset(hashes)

    async def consume(self, user_id: str, code_hash: bytes) -> bool:
        codes = self._place.tables.recovery_codes
        left = codes.get(user_id, frozenset())
        codes[user_id] = left - {code_hash}
        return code_hash in left

    async def count(self, user_id: str) -> int:
        return len(self._place.tables.recovery_codes.get(user_id, ()))
