"""Servers for pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.driving import Server, serving
from watchword.settings.choices import Profile


@pytest.fixture
async def strict_server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, profile=Profile.STRICT) as running:
        yield running
