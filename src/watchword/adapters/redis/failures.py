"""What the errors of Redis mean to people.

Invariant: no word of the server's leaves here, for it quotes the commands that it refuses, and
AUTH is one.
"""

from typing import Final

from redis import exceptions as library

from watchword.domain.errors import Unavailable

FAILURES: Final = (library.RedisError, OSError, TimeoutError)

_REPLICA = "This Redis takes no writes, it is a replica: let the address lead to the primary."
_CLUSTER = "This is one node of a Redis Cluster: name a proxy of it, or a single server."
# The first class that fits decides, so what is narrow stands before what is wide.
_REMEDIES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (library.AuthenticationError, "Redis refuses the user and password: check the URL."),
    (
        library.AuthenticationWrongNumberOfArgsError,
        "Redis refuses the user and password: check the URL.",
    ),
    (library.OutOfMemoryError, "Redis has no memory left: raise maxmemory."),
    (library.ReadOnlyError, _REPLICA),
    (library.MovedError, _CLUSTER),
    (library.ClusterDownError, _CLUSTER),
    (library.BusyLoadingError, "Redis is still loading its data: wait for it."),
    (library.TimeoutError, "Redis does not answer in time: look at its load and the network."),
    (TimeoutError, "Redis does not answer in time: look at its load and the network."),
    (library.ResponseError, "Redis refused a command: look at its log, and compare docs/redis.md."),
)
# Redis says these by the first word of its answer alone.
_CODES: Final = {
    "NOREPLICAS": "Redis has too few replicas within reach to take a write: mend them.",
    "MISCONF": "Redis cannot save to its disk, and takes no writes: mend the disk.",
    "MASTERDOWN": _REPLICA,
}
_FORBIDDEN = "Redis does not let this user run a command: compare docs/redis.md."
_UNREACHABLE = "Redis cannot be reached: start it, or check the address and the certificate."


# After these the server at the end of every other connection may be gone, or demoted, as well.
SUSPICIOUS: Final = (
    library.ConnectionError,
    library.TimeoutError,
    library.ReadOnlyError,
    OSError,
    TimeoutError,
)


class RedisFailed(Unavailable):
    """Redis refused or did not answer; ``remedy`` is for the operator's log, never for a client."""

    def __init__(self, remedy: str) -> None:
        super().__init__()
        self.remedy = remedy

    def __str__(self) -> str:
        return self.remedy


class RedisForbidden(RedisFailed):
    """This user may not run the command."""


def explain(error: BaseException) -> RedisFailed:
    """What an operator should do about ``error``, one of `FAILURES`. Raise it after the ``except``
    block and not in it: so it carries no trace of the error.
    """
    if isinstance(error, library.ResponseError):
        code = str(error).partition(" ")[0]
        if code in _CODES:
            return RedisFailed(_CODES[code])
    if isinstance(error, library.NoPermissionError):
        return RedisForbidden(_FORBIDDEN)
    for kind, remedy in _REMEDIES:
        if isinstance(error, kind):
            return RedisFailed(remedy)
    return RedisFailed(_UNREACHABLE)
