"""What holds for every test: no settings of the machine leak in, and nothing leaves it.

Invariant: nothing here knows Watchword. Fixtures of a subject stand in the conftest.py of its room.
"""

import ipaddress
import os
import sys

from hypothesis import settings

_LOCAL_NAMES = frozenset({None, "", "localhost", b"localhost"})

# Which servers the tests may use is no setting of what is tested.
_SERVERS = "WATCHWORD_TEST_"

for _name in [name for name in os.environ if name.startswith("WATCHWORD_")]:
    if not _name.startswith(_SERVERS):
        del os.environ[_name]

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


def _refuse_the_network(event: str, arguments: tuple[object, ...]) -> None:
    """Let a test connect to its own machine only; a unix socket's address is a path."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not _is_local(host):
        message = f"a test asked for the network: {host!r}"
        raise RuntimeError(message)


sys.addaudithook(_refuse_the_network)
