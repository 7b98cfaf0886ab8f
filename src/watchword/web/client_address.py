"""Where a request comes from: the peer, or the hop that a trusted proxy vouches for (B01)."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


class ClientAddress:
    """Only ``X-Forwarded-For`` of a trusted peer counts, read from the right: the first hop that
    is not a trusted proxy is the client. Whatever stands left of it, anybody may have written.
    """

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)
        self._of_hops = lru_cache(maxsize=4_096)(self._walk)

    def of(self, peer: str, forwarded: Sequence[bytes]) -> str:
        if not self._trusted or not forwarded:
            return peer
        return self._of_hops(peer, b",".join(forwarded)[-4_096:])

    def _walk(self, peer: str, forwarded: bytes) -> str:
        client = peer
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            if not self._is_trusted(client):
                break
            address = _canonical(hop.strip(" \t"))
            if address is None:
                break
            client = address
        return client

    def _is_trusted(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped  # as a listener for both families writes an IPv4 peer
        return any(address in network for network in self._trusted)


def _canonical(text: str) -> str | None:
    """One spelling for one address; brackets and ports, as some proxies write them, are dropped."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None
