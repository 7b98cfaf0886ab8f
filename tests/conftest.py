"""What holds for every test: no settings of the machine leak in, and nothing leaves it.

Invariant: nothing here knows Watchword. Fixtures of a subject stand in the conftest.py of its room.
"""

import ipaddress
import os
import signal
import socket
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import settings

from tests import in_memory

pytest_plugins = ["tests.servers.fixtures"]

T = TypeVar("T")

_LOCAL_NAMES = frozenset({None, "", "localhost", b"localhost"})

# Which servers the tests may use is no setting of what is tested.
_SERVERS = "WATCHWORD_TEST_"

for _name in [name for name in os.environ if name.startswith("WATCHWORD_")]:
    if not _name.startswith(_SERVERS):
        del os.environ[_name]

# Of `tmp_path`; set by hand, it holds.
if (_place := in_memory.place()) is not None:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", _place)

# A shell that puts the tests into the background lets them ignore it, and programs inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is no failure (deadline), and a failure is shown by its seed (print_blob).
settings.register_profile("watchword", deadline=None, print_blob=True)
settings.load_profile("watchword")


def _is_local(host: object) -> bool:
    if host in _LOCAL_NAMES:
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _insist_on_local(host: object) -> None:
    if not _is_local(host):
        message = f"a test asked for the network: {host!r}"
        raise RuntimeError(message)


def _guard_address(connect: Callable[[socket.socket, Any], T]) -> Callable[[socket.socket, Any], T]:
    def guarded(self: socket.socket, address: Any) -> T:
        # A unix socket's address is a path.
        _insist_on_local(address[0] if isinstance(address, tuple) else None)
        return connect(self, address)

    return guarded


def _guard_host(look_up: Callable[..., T]) -> Callable[..., T]:
    def guarded(host: Any, *arguments: Any, **more: Any) -> T:
        _insist_on_local(host)
        return look_up(host, *arguments, **more)

    return guarded


# Not an audit hook: CPython 3.11 calls those in the middle of `sys.settrace`, which fails when
# another thread gets its turn there to start under coverage.
for _name in ("connect", "connect_ex"):
    setattr(socket.socket, _name, _guard_address(getattr(socket.socket, _name)))
socket.getaddrinfo = _guard_host(socket.getaddrinfo)
