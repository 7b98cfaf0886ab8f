"""Every system that accounts can come from is told of where people look for it."""

from pathlib import Path

import pytest

from watchword.cli.formats import SYSTEMS

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("document", ["cli.md", "import.md"])
def test_every_format_is_documented(document: str, name: str) -> None:
    text = (DOCS / document).read_text("utf-8")
    assert f"`{name}`" in text or f"`--format {name}" in text
