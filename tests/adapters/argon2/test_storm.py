import asyncio

import pytest

from watchword.adapters.argon2 import (
    Argon2Hasher,
    Argon2Parameters,
    GatheringHasher,
    HashingPool,
)
from watchword.domain.errors import Busy, WrongPassword
from watchword.ports import HashState


class Observer:
    def waited(self, seconds: float) -> None: ...

    def refused(self) -> None: ...


class Diary(list[str]):
    """What happened, in its order."""

    async def gather(self) -> None:
        self.append("gathered")
        await asyncio.sleep(0)


class Full:
    async def hash(self, password: str) -> str:
        raise Busy(retry_after=1)

    async def verify(self, password: str, encoded: str | None) -> HashState:
        raise Busy(retry_after=1)


async def test_e02_right_and_wrong_known_and_unknown_gather_once_and_after_the_hash() -> None:
    diary = Diary()
    pool = HashingPool(queue_limit=1, deadline=1_000, observer=Observer(), threads=1)
    hasher = Argon2Hasher(Argon2Parameters.for_tests(), pool)
    gathering = GatheringHasher(hasher, diary.gather)
    encoded = await gathering.hash("right")
    assert diary == []
    assert await gathering.verify("right", encoded) is HashState.CURRENT
    assert diary == ["gathered"]
    for stored in (encoded, None, "no hash at all"):
        diary.clear()
        with pytest.raises(WrongPassword):
            await gathering.verify("wrong", stored)
        assert diary == ["gathered"]
    pool.close()


async def test_whoever_was_turned_away_does_not_wait() -> None:
    diary = Diary()
    with pytest.raises(Busy):
        await GatheringHasher(Full(), diary.gather).verify("any", None)
    assert diary == []
