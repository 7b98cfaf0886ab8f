"""User agents: what people see of a device, and that nothing a client claims can hurt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.adapters.user_agents import UserAgentParser
from watchword.domain.devices import Device

PARSER = UserAgentParser()

_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
_ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; {}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0"
)
_IOS = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
_MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X {}) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15"
)

KNOWN = [
    (f"{_WINDOWS} Chrome/131.0.0.0 Safari/537.36", "Chrome 131", "Windows", "desktop"),
    (f"{_WINDOWS} Chrome/131.0 Safari/537.36 Edg/131.0", "Edge 131", "Windows", "desktop"),
    (
        "Mozilla/5.0 (Windows NT 6.1; rv:109.0) Gecko/20100101 Firefox/115.0",
        *("Firefox 115", "Windows 7", "desktop"),
    ),
    (_MAC.format("10_15_7"), "Safari 18", "macOS", "desktop"),
    (_MAC.format("10_14_6"), "Safari 18", "macOS 10.14", "desktop"),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
        *("Firefox 132", "Linux", "desktop"),
    ),
    (
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {_IOS}",
        *("Mobile Safari 18", "iOS 18.1", "mobile"),
    ),
    (
        f"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) {_IOS}",
        *("Mobile Safari 18", "iOS 17.5", "tablet"),
    ),
    (
        f"{_ANDROID.format('Pixel 8')} Mobile Safari/537.36",
        *("Chrome Mobile 131", "Android 14", "mobile"),
    ),
    (
        f"{_ANDROID.format('CUBOT X18')} Mobile Safari/537.36",
        "Chrome Mobile 131",
        "Android 14",
        "mobile",
    ),
    (f"{_ANDROID.format('SM-X910')} Safari/537.36", "Chrome 131", "Android 14", "tablet"),
    (f"{_ANDROID.format('BRAVIA 4K')} Safari/537.36", "Chrome 131", "Android 14", "other"),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://x/bot.html)", "Googlebot 2", None, "bot"),
    (
        f"{_ANDROID.format('Nexus 5X')} Mobile (compatible; Googlebot/2.1; +http://x/bot.html)",
        *("Googlebot 2", "Android 14", "bot"),
    ),
    (f"{_WINDOWS} HeadlessChrome/131.0.0.0 Safari/537.36", "HeadlessChrome 131", "Windows", "bot"),
    ("curl/8.5.0", "curl 8", None, "other"),
    ("hello", None, None, "unknown"),
    ("", None, None, "unknown"),
    (" \t ", None, None, "unknown"),
]


class TestAUserAgent:
    @pytest.mark.parametrize(("text", "browser", "system", "kind"), KNOWN)
    def test_says_browser_system_and_type(
        self, text: str, browser: str | None, system: str | None, kind: str
    ) -> None:
        assert PARSER.parse(text) == Device(browser, system, kind)

    @given(st.text(max_size=600))
    def test_never_hurts(self, text: str) -> None:
        device = PARSER.parse(text)
        assert len(device.browser or "") <= 64
        assert len(device.os or "") <= 64

    @pytest.mark.parametrize("text", ["\ud800" * 10, "\x00\x1b[31m", "Chrome/\n131", "\u202e"])
    def test_may_hold_what_is_no_text(self, text: str) -> None:
        """I01"""
        assert PARSER.parse(text).type == "unknown"

    def test_is_read_to_its_limit_alone(self) -> None:
        """I12"""
        padded = "x" * 512 + f" {_WINDOWS} Chrome/131.0"
        assert PARSER.parse(padded) == Device(None, None, "unknown")

    def test_is_remembered_up_to_a_bound(self) -> None:
        parser = UserAgentParser()
        for number in range(2_000):
            parser.parse(f"curl/{number}")
        assert parser._remembered.cache_info().currsize == 1_024


class TestTheRules:
    async def test_can_be_read_before_they_are_needed(self) -> None:
        parser = UserAgentParser()
        await parser.warm()
        rules = parser._rules
        assert rules is not None
        parser.parse("curl/8.5.0")
        assert parser._rules is rules

    def test_are_not_read_before_that(self) -> None:
        parser = UserAgentParser()
        parser.parse("")
        assert parser._rules is None
