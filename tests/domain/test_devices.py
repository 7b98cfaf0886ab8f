import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.domain.devices import USER_AGENT_LIMIT, Device, limit_bucket, printable


class TestTheBucketOfAClient:
    def test_b02_a_line_of_ipv6_is_one_bucket(self) -> None:
        assert {limit_bucket(f"2001:db8::{number:x}") for number in range(1_000)} == {
            "2001:db8::/64"
        }

    @pytest.mark.parametrize(
        "spelled",
        [
            "2001:db8::1",
            "2001:DB8::1",
            "2001:0db8:0000:0000:0000:0000:0000:0001",
            "2001:db8:0:0::1",
            "2001:db8::1%eth0",
            "2001:db8::192.0.2.1",
        ],
    )
    def test_b02_is_the_same_in_every_spelling(self, spelled: str) -> None:
        assert limit_bucket(spelled) == "2001:db8::/64"

    def test_b02_another_line_is_another_bucket(self) -> None:
        assert limit_bucket("2001:db8:0:1::1") != limit_bucket("2001:db8:0:2::1")

    @pytest.mark.parametrize("mapped", ["::ffff:192.0.2.1", "::FFFF:c000:201", "192.0.2.1"])
    def test_b02_ipv4_in_ipv6_is_ipv4(self, mapped: str) -> None:
        assert limit_bucket(mapped) == "192.0.2.1"

    def test_every_ipv4_address_has_its_own(self) -> None:
        assert limit_bucket("192.0.2.1") != limit_bucket("192.0.2.2")

    @pytest.mark.parametrize("odd", ["", "unix:", "not an address", "192.0.2.001"])
    def test_what_is_no_address_counts_as_it_is(self, odd: str) -> None:
        assert limit_bucket(odd) == odd


class TestForeignText:
    @pytest.mark.parametrize(
        "hostile",
        ["a\nb", "a\r\n{}", "\x1b[31m", "\x00", "\x7f", "\x9b1m", "\u2028", "\u202e", "\udc80"],
    )
    def test_i08_cannot_break_a_line_or_steer_a_terminal(self, hostile: str) -> None:
        assert printable(hostile).isprintable()

    @given(st.text(max_size=2_000))
    def test_i08_is_printable_and_short_whatever_it_was(self, text: str) -> None:
        shown = printable(text)
        assert shown.isprintable()
        assert len(shown) == min(len(text), USER_AGENT_LIMIT)

    def test_that_is_harmless_stays_as_it_is(self) -> None:
        assert printable("Zoë's browser/1.0 (日本) 😀") == "Zoë's browser/1.0 (日本) 😀"

    def test_is_cut_to_the_length_that_is_asked_for(self) -> None:
        assert printable("abcdef", 3) == "abc"


class TestADeviceInMail:
    @pytest.mark.parametrize(
        ("browser", "system"),
        [
            ("Firefox 140", "Linux"),
            ("Chrome Mobile WebView 120", "Android"),
            ("Mobile Safari UI/WKWebView", "iOS 17.1"),
            ("Python-urllib 3.11", None),
            (None, "macOS"),
            (None, None),
        ],
    )
    def test_is_called_by_its_names(self, browser: str | None, system: str | None) -> None:
        assert Device(browser, system, "desktop").in_mail == Device(browser, system, "desktop")

    @pytest.mark.parametrize(
        "written",
        [
            "Visit evil.example 1",
            "Call 18005551234",
            "Call 1800 555 1234 Bot 1",
            "Your account was hacked and so on Bot 1",
            "mail evil@example",
            "http://evil 1",
            "\u0435vil",
        ],
    )
    def test_i07_is_no_way_to_write_to_a_stranger(self, written: str) -> None:
        assert Device(written, "Linux", "bot").in_mail == Device(None, "Linux", "bot")
        assert Device("Firefox 140", written, "bot").in_mail == Device("Firefox 140", None, "bot")
