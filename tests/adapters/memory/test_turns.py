"""What the store in memory refuses because a real one would."""

import pytest

from watchword.adapters.memory import MemoryStore
from watchword.domain.errors import Unavailable
from watchword.testing import FakeClock
from watchword.testing.conformance.ground import an_account, given


class TestATransaction:
    async def test_that_begins_in_itself_is_told_so(self) -> None:
        store = MemoryStore(clock=FakeClock())
        async with store.transaction():
            with pytest.raises(RuntimeError, match="wait for a transaction"):
                await store.lockouts.succeed("account:u-ada")

    async def test_of_a_closed_store_is_refused(self) -> None:
        store = MemoryStore(clock=FakeClock())
        await store.close()
        with pytest.raises(Unavailable):
            await given(store, an_account())
        with pytest.raises(Unavailable):
            await store.check()
