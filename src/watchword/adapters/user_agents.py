"""What a user agent claims, by the rules of ua-parser: for people to recognise a session by.

Invariant: it is never evidence, so nothing here refuses, raises, or costs more than a bounded text.
"""

import asyncio
import re
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import Final

from watchword.domain.devices import USER_AGENT_LIMIT, Device, printable

_REMEMBERED: Final = 1_024
_LABEL_LIMIT: Final = 64

_Labels = tuple[str | None, str | None]

# Browsers have frozen these versions for years: they say nothing, and a person on Windows 11 would
# take the session of "Windows 10" for a stranger's.
_FROZEN: Final = frozenset({"Windows 10", "macOS 10.15", "Android 10", "Chrome OS 14541.0"})
_FAMILIES: Final = {"Mac OS X": "macOS"}

# In this order, because a bot may claim a phone, and a television Android.
_BOT = re.compile(
    r"bot\b|bot/|crawler|spider|slurp|headless|externalhit|\+https?://", re.IGNORECASE
)
_NOT_A_COMPUTER = re.compile(
    r"smart-?tv|\btv\b|googletv|appletv|bravia|crkey|roku|playstation|xbox|nintendo|\bwatch\b",
    re.IGNORECASE,
)
_TABLET = re.compile(r"ipad|tablet|kindle|silk/|playbook|android(?!.*mobile)", re.IGNORECASE)
_MOBILE = re.compile(r"mobi|iphone|ipod|android|opera mini|windows phone|midp", re.IGNORECASE)
_DESKTOP = re.compile(r"windows nt|macintosh|x11|cros|linux", re.IGNORECASE)
_PHONE_BRAND = re.compile(r"cubot\b", re.IGNORECASE)


class UserAgentParser:
    """Reads the rules at its first use (about 45 ms and 16 MiB), or before that by `warm`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rules: Callable[[str], _Labels] | None = None
        self._remembered = lru_cache(_REMEMBERED)(self._parse)

    def parse(self, user_agent: str) -> Device:
        return self._remembered(user_agent[:USER_AGENT_LIMIT])

    async def warm(self) -> None:
        """Read the rules on a thread, so that the first sign-in need not wait for them."""
        await asyncio.to_thread(self._get_rules)

    def _parse(self, user_agent: str) -> Device:
        text = printable(user_agent).strip()
        if not text:
            return Device(None, None, "unknown")
        browser, system = self._get_rules()(text)
        return Device(browser, system, _judge_type(text, is_known=bool(browser or system)))

    def _get_rules(self) -> Callable[[str], _Labels]:
        with self._lock:
            if self._rules is None:
                self._rules = _load_rules()
            return self._rules


def _load_rules() -> Callable[[str], _Labels]:
    """The rules for browsers and systems. Those for models would double the memory, and nobody
    recognises a session by a model number.
    """
    from ua_parser import (  # lazy: 45 ms and 16 MiB, not needed before the first sign-in
        BestAvailableResolver,
        Domain,
        load_lazy_builtins,
    )

    browsers, systems, _ = load_lazy_builtins()
    resolve = BestAvailableResolver((browsers, systems, []))
    wanted = Domain.USER_AGENT | Domain.OS

    def label(text: str) -> _Labels:
        found = resolve(text, wanted)
        browser = found.user_agent and _label(found.user_agent.family, found.user_agent.major)
        system = found.os and _label(found.os.family, found.os.major, found.os.minor)
        if system in _FROZEN:
            system = system.rpartition(" ")[0]
        return browser or None, system or None

    return label


def _label(family: str, *version: str | None) -> str:
    numbers = ".".join(part for part in version if part)
    return f"{_FAMILIES.get(family, family)} {numbers}".strip()[:_LABEL_LIMIT]


def _judge_type(text: str, *, is_known: bool) -> str:
    if _BOT.search(text) and not _PHONE_BRAND.search(text):
        return "bot"
    if _NOT_A_COMPUTER.search(text):
        return "other"
    if _TABLET.search(text):
        return "tablet"
    if _MOBILE.search(text):
        return "mobile"
    if _DESKTOP.search(text):
        return "desktop"
    return "other" if is_known else "unknown"
