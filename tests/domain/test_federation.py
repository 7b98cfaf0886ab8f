"""What we are to other providers, and what they say of people."""

import pytest

from watchword.domain.accounts import EmailAddress
from watchword.domain.federation import Identity, require_endpoint


@pytest.mark.parametrize(
    "address",
    [
        "https://a.example",
        "https://a.example:8443/path?query=1",
        "http://localhost:9000/x",
        "http://127.1.2.3",
        "http://[::1]:9000",
    ],
)
def test_an_endpoint_is_https_or_on_this_machine(address: str) -> None:
    assert require_endpoint(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "http://a.example",
        "http://169.254.169.254/latest",
        "http://localhost.example",
        "http://2130706433",
        "https://",
        "https:a.example",
        f"https://{'a' * 64}.example",
        "//a.example",
        "https://user:password@a.example",
        "https://a.example\\@b.example",
        "https://a.example#",
        "https://a.example:0",
        "https://a.example:65536",
        "https://[::1",
        "https://[::1]x/",
        "https://[1::2::3]/",
        "https://[127.0.0.1]/",
        "https://a..example/",
        "https://-a.example/",
        "https://%61.example/",
        "https://a.example/\n",
        "https://ä.example",
        "https://a.example/" + "a" * 2_048,
        "javascript:alert(1)",
        None,
        7,
    ],
)
def test_o12_an_address_that_could_be_read_in_two_ways_is_none(address: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  its words are for nobody
        require_endpoint(address)


def test_l03_the_text_of_an_identity_tells_nobody_who_it_is() -> None:
    identity = Identity("https://a.example", "ada-1", EmailAddress.parse("a@example.com"))
    assert repr(identity) == "Identity(issuer='https://a.example')"
