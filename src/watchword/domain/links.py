"""One-time links: what one is for and until when; only the hash of its secret is ever kept."""

from dataclasses import dataclass
from enum import StrEnum

from watchword.domain.time import HOUR, Instant

SETUP_TTL = HOUR


class Purpose(StrEnum):
    SETUP = "setup"


@dataclass(frozen=True, slots=True)
class Link:
    """``token_hash`` is SHA-256 of the 256-bit secret (ASVS 6.5.2 allows a plain hash there)."""

    token_hash: bytes
    purpose: Purpose
    user_id: str | None
    created_at: Instant
    expires_at: Instant
