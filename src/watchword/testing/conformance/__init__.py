"""What every store must keep, as a class of tests: derive from it, and say how to make a store.

    from watchword.testing.conformance import StoreConformance

    class TestMyStore(StoreConformance):
        async def make_store(self, folder: Path) -> MyStore:
            return MyStore(folder)

What keeps counters alone derives from `CounterConformance` and says how to make those.

Run it with pytest and pytest-asyncio (``asyncio_mode = "auto"``). Each test gets an empty store,
and closes it. To add a promise: a test in the module here that is named like its port.
"""

# ruff: noqa: E402  what is imported first would show no values when an assertion fails

from pathlib import Path

import pytest

_MODULES = (
    "accounts", "audit", "counters", "directory", "factors", "feed", "holdings",
    "housekeeping", "ground", "identities", "mail", "passkeys", "records",
    "revocations", "rotation", "sessions", "transactions",
)  # fmt: skip
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _MODULES))

from watchword.testing.conformance.accounts import AccountPromises
from watchword.testing.conformance.audit import AuditPromises
from watchword.testing.conformance.counters import (
    CommittedLockoutPromises,
    LimitPromises,
    LockoutPromises,
)
from watchword.testing.conformance.directory import DirectoryPromises
from watchword.testing.conformance.factors import RecoveryCodePromises, TotpPromises
from watchword.testing.conformance.feed import FeedPromises
from watchword.testing.conformance.ground import ConformingCounters, ConformingStore
from watchword.testing.conformance.holdings import HoldingPromises
from watchword.testing.conformance.housekeeping import HousekeepingPromises
from watchword.testing.conformance.identities import IdentityPromises
from watchword.testing.conformance.mail import (
    BoundLinkPromises,
    OutboxPromises,
    OwnershipPromises,
)
from watchword.testing.conformance.passkeys import PasskeyPromises
from watchword.testing.conformance.records import (
    DevicePromises,
    KeyPromises,
    LinkPromises,
)
from watchword.testing.conformance.revocations import RevocationPromises
from watchword.testing.conformance.rotation import RotationPromises
from watchword.testing.conformance.sessions import SessionPromises
from watchword.testing.conformance.transactions import TransactionPromises

__all__ = [
    "ConformingCounters",
    "ConformingStore",
    "CounterConformance",
    "RevocationPromises",
    "StoreConformance",
]


class CounterConformance(LimitPromises, LockoutPromises):
    """Every promise of `Limits` and `Lockouts`, for what keeps these two alone."""


class StoreConformance(
    CounterConformance,
    AccountPromises,
    AuditPromises,
    BoundLinkPromises,
    CommittedLockoutPromises,
    DevicePromises,
    DirectoryPromises,
    FeedPromises,
    HoldingPromises,
    HousekeepingPromises,
    IdentityPromises,
    KeyPromises,
    LinkPromises,
    OutboxPromises,
    OwnershipPromises,
    PasskeyPromises,
    RecoveryCodePromises,
    RevocationPromises,
    RotationPromises,
    SessionPromises,
    TotpPromises,
    TransactionPromises,
):
    """Every promise of every port of a store."""

    async def make_counters(self, folder: Path) -> ConformingCounters:
        return await self.make_store(folder)
