"""A network that the kernel cuts: the way to a server leads over a pair of interfaces, of which the
far one is in a network namespace of its own. What is sent meanwhile is lost, and TCP finds out by
itself. It takes root, or a namespace in which one is: ``unshare --net``.
"""

import ctypes
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from ipaddress import IPv4Address
from itertools import count
from typing import Final

from tests.faults.proxy import Proxy

_CLONE_NEWNET: Final = 0x40000000
_FIRST: Final = IPv4Address("198.18.0.0")  # for benchmarks of networks (RFC 2544): nobody's
_EACH, _ALL = 4, 1 << 17
_NOBODY: Final = "02:00:00:00:00:01"
_NUMBERS: Final[Iterator[int]] = count(os.getpid() * 8)


class Link(Proxy):
    """Beyond the far end it is a proxy that may fail as others do."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        number = next(_NUMBERS)
        self._base = base = _FIRST + number * _EACH % _ALL
        self._space = f"watchword-{number}"
        self._near, self._far = f"ww{number}n", f"ww{number}f"
        self._here, self.host = str(base + 1), str(base + 2)

    def down(self) -> None:
        """As an interface that is switched off: who asks is told at once."""
        _ip("link", "set", self._near, "down")

    def pull(self) -> None:
        """As a cable that is pulled at the other end."""
        self._ip_there("link", "set", self._far, "down")

    def lose(self) -> None:
        """As a switch that has forgotten where everybody is: the link is up, and nobody gets what
        is sent.
        """
        _ip("neigh", "replace", self.host, "lladdr", _NOBODY, "dev", self._near)
        self._ip_there("neigh", "replace", self._here, "lladdr", _NOBODY, "dev", self._far)

    def mend(self) -> None:
        super().mend()
        _ip("link", "set", self._near, "up")
        self._ip_there("link", "set", self._far, "up")
        _ip("neigh", "flush", "dev", self._near, "nud", "permanent")
        self._ip_there("neigh", "flush", "dev", self._far, "nud", "permanent")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        with ExitStack() as stack:
            _ip("netns", "add", self._space)
            stack.callback(_ip, "netns", "delete", self._space)
            pair = ("type", "veth", "peer", "name", self._far, "netns", self._space)
            _ip("link", "add", self._near, *pair)
            stack.callback(_ip, "link", "delete", self._near)
            _ip("address", "add", f"{self._here}/30", "dev", self._near)
            no_other_way = ("unreachable", f"{self._base}/30", "metric", "9999")
            _ip("route", "add", *no_other_way)
            stack.callback(_ip, "route", "delete", *no_other_way)
            self._ip_there("address", "add", f"{self.host}/30", "dev", self._far)
            self.mend()
            async with super().running():
                yield self

    def _listening(self) -> socket.socket:
        """A socket stays in the namespace in which it was made; a thread can be in another."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._listening_there).result()

    def _listening_there(self) -> socket.socket:
        space = os.open(f"/run/netns/{self._space}", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(space, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "No namespace can be entered.")
        finally:
            os.close(space)
        return socket.create_server((self.host, 0))

    def _ip_there(self, *words: str) -> None:
        _ip("-n", self._space, *words)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
