"""Every test of the wire gets a server of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.driving import Server, serving


@pytest.fixture(autouse=True)
def _kept(kept: None) -> None:
    pass


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as running:
        yield running
