"""What the name of a host says by itself, without asking anybody for its addresses."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine (RFC 6761 section 6.3, RFC 6890).

    ``host`` is a name or an address, an IPv6 address without its brackets.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
