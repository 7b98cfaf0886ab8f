from ipaddress import ip_network

import pytest

from watchword.web.client_address import ClientAddress

PROXIES = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/64")]
PROXY = "192.0.2.1"

behind_proxies = ClientAddress(PROXIES)


@pytest.mark.parametrize("forwarded", [[], [b"203.0.113.9"], [b"203.0.113.9", b"192.0.2.1"]])
def test_b01_without_trusted_proxies_the_peer_is_the_client(forwarded: list[bytes]) -> None:
    assert ClientAddress([]).of("198.51.100.7", forwarded) == "198.51.100.7"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (PROXY, [], PROXY),
        ("198.51.100.7", [b"203.0.113.9"], "198.51.100.7"),
        (PROXY, [b"203.0.113.9"], "203.0.113.9"),
        (PROXY, [b"10.0.0.1, 203.0.113.9"], "203.0.113.9"),
        (PROXY, [b"10.0.0.1", b"203.0.113.9"], "203.0.113.9"),
        (PROXY, [b"203.0.113.9, 192.0.2.7"], "203.0.113.9"),
        (PROXY, [b"10.0.0.1,203.0.113.9,192.0.2.7,2001:db8::5"], "203.0.113.9"),
        (PROXY, [b"192.0.2.9, 192.0.2.8"], "192.0.2.9"),
        ("2001:db8::1", [b"203.0.113.9"], "203.0.113.9"),
        ("2001:db8:0:1::1", [b"203.0.113.9"], "2001:db8:0:1::1"),
        ("::ffff:192.0.2.1", [b"203.0.113.9"], "203.0.113.9"),
        (PROXY, [b"203.0.113.9, ::ffff:192.0.2.7"], "203.0.113.9"),
    ],
)
def test_b01_the_last_hop_that_is_no_trusted_proxy_is_the_client(
    peer: str, forwarded: list[bytes], client: str
) -> None:
    assert behind_proxies.of(peer, forwarded) == client


@pytest.mark.parametrize(
    ("hop", "client"),
    [
        (b"203.0.113.9:4711", "203.0.113.9"),
        (b"[2001:DB8:9::A]:4711", "2001:db8:9::a"),
        (b"[2001:db8:9::a]", "2001:db8:9::a"),
        (b"2001:0db8:0009:0000::000a", "2001:db8:9::a"),
        (b" \t203.0.113.9\t ", "203.0.113.9"),
    ],
)
def test_b02_an_address_has_one_spelling(hop: bytes, client: str) -> None:
    assert behind_proxies.of(PROXY, [hop]) == client


@pytest.mark.parametrize(
    "hop",
    [b"", b"unknown", b"for=203.0.113.9", b"203.0.113", b"0xcb.0.0.1", b"[::1", b"\xff", b"_x"],
)
def test_b01_what_is_no_address_is_nobody_and_the_one_before_it_counts(hop: bytes) -> None:
    spoilt = behind_proxies.of(PROXY, [b"203.0.113.9, " + hop + b", 192.0.2.7"])
    assert spoilt in {"192.0.2.7", "::1"}
    assert behind_proxies.of("", [b"203.0.113.9"]) == ""


def test_of_an_endless_header_only_the_end_is_read() -> None:
    long = b"10.0.0.1, " * 100_000 + b"203.0.113.9, 192.0.2.7"
    assert behind_proxies.of(PROXY, [long]) == "203.0.113.9"
    all_trusted = b",".join([b"192.0.2.7"] * 10_000)
    assert behind_proxies.of(PROXY, [all_trusted]).startswith("192.0.2.")
