"""A hasher whose answers come together in a storm, so that what follows is written at once."""

from collections.abc import Awaitable, Callable

from watchword.domain.errors import WrongPassword
from watchword.ports import Hasher, HashState


class GatheringHasher:
    """Keeps `watchword.ports.Hasher`. Whatever a verification says, its caller is about to write it
    down: ``gather`` returns when others write as well. Right and wrong, known and unknown wait
    alike (attack E02); whoever was refused as `Busy` does not.
    """

    def __init__(self, hasher: Hasher, gather: Callable[[], Awaitable[object]]) -> None:
        self._hasher = hasher
        self.gather = gather

    async def hash(self, password: str) -> str:
        return await self._hasher.hash(password)

    async def verify(self, password: str, encoded: str | None) -> HashState:
        try:
            state = await self._hasher.verify(password, encoded)
        except WrongPassword:
            await self.gather()
            raise
        await self.gather()
        return state
