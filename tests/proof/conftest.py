"""Servers whose limits are off: the proofs ask more often than people do. Lines are not counted as
covered by them, which takes half of their time again: what they repeat, others reach.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.driving import Server, serving
from tests.proof.stage import UNLIMITED, two_serving


@pytest.fixture(autouse=True)
def _kept(kept: None, no_cover: None) -> None:
    pass


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, **UNLIMITED) as running:
        yield running


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Server, Server]]:
    async with two_serving(tmp_path, **UNLIMITED) as running:
        yield running
