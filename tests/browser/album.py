"""Pictures of what the tests saw, for people to look at: nothing is decided by them.

``WATCHWORD_TEST_SCREENSHOTS`` names the folder. In CI there is one without it, in the checkout.
"""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page


@dataclass
class Album:
    """Of one test. ``folder`` is None where nobody wants pictures."""

    folder: Path | None
    test: str
    taken: int = 0

    @classmethod
    def of(cls, node: pytest.Item) -> "Album":
        chosen = os.environ.get("WATCHWORD_TEST_SCREENSHOTS")  # noqa: TID251  of the tests' own
        if chosen is None and "CI" in os.environ:  # noqa: TID251
            chosen = str(node.config.rootpath / "screenshots")
        return cls(Path(chosen) if chosen else None, _slug(node.nodeid.rpartition("/")[2]))

    async def keep(self, page: Page) -> None:
        if self.folder is None:
            return
        self.taken += 1
        place = _slug(urlsplit(page.url).path) or "start"
        name = f"{self.test}-{self.taken:02}-{place}.png"
        await page.screenshot(path=self.folder / name, full_page=True)

    @asynccontextmanager
    async def context(self, browser: Browser, **how: Any) -> AsyncIterator[BrowserContext]:
        """A new browser; how it looked at last is kept."""
        context = await browser.new_context(**how)
        try:
            yield context
        finally:
            for page in context.pages:
                await self.keep(page)
            await context.close()


def _slug(text: str) -> str:
    return re.sub(r"\W+", "-", text.replace(".py::", "-")).strip("-")
