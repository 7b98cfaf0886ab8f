"""Sessions that are refreshed again and again, each token used once."""

from typing import Final

from bench import floor
from bench.ground import Watchword
from bench.jobs.profile import Profile
from bench.load import Load, Queue

SPARE: Final = 2  # tokens, for a connection that is made anew
_SESSIONS_PER_ACCOUNT: Final = 10  # the default limit


class Refreshers:
    """Signs in anew for each load: as many sessions as connections, and some to spare. ``name`` is
    what its accounts are called by; others on the same database have other names.
    """

    def __init__(self, watchword: Watchword, connections: int, name: str = "refresher") -> None:
        self._watchword = watchword
        self._connections = connections
        self._profile = Profile(watchword)
        self._emails = _emails(name, connections)
        watchword.client.register(sorted(set(self._emails)))

    def load(self, seconds: float) -> Load:
        tokens = self._watchword.client.refresh_tokens(self._emails)
        return refresh_load(self._watchword.service.port, seconds, tokens, self._connections)

    def look(self) -> None:
        """A session beside the others: refresh it, and use what that gives."""
        self._profile.renew()
        self._profile.look_at_protected()


def refresh_load(port: int, seconds: float, tokens: tuple[str, ...], connections: int) -> Load:
    queue = Queue(
        items=tokens,
        before=floor.BEFORE,
        after=floor.AFTER,
        successor="refreshToken",
        once=True,
    )
    return Load(
        port=port,
        path="/auth/refresh",
        connections=connections,
        seconds=seconds,
        queue=queue,
    )


def _emails(name: str, connections: int) -> tuple[str, ...]:
    """No more on an account than may live."""
    return tuple(
        f"{name}-{number // _SESSIONS_PER_ACCOUNT}@example.com"
        for number in range(connections + SPARE)
    )
