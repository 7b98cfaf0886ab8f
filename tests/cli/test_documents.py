"""What operators read is complete: every figure, every log event, every command that it names."""

import re
from pathlib import Path

import pytest

from watchword.adapters.prometheus import PrometheusMeter
from watchword.cli import COMMANDS

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")


class TestOperations:
    def test_tell_of_every_figure(self) -> None:
        shown = PrometheusMeter(version="1").render().decode()
        names = re.findall(r"^# TYPE (\w+)", shown, re.MULTILINE)
        assert len(names) > 10
        assert [name for name in names if f"`{name}`" not in OPERATIONS] == []

    def test_tell_of_every_event_in_the_log(self) -> None:
        sources = (path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
        told = re.compile(r"log(?:ger\(\))?\.(?:info|warning|error)\(\s*(?:#.*\s*)?\"(\w+)\"")
        events = {event for source in sources for event in told.findall(source)}
        assert {"ready", "request", "not_ready", "worker_replaced"} <= events
        assert [event for event in sorted(events) if f"`{event}`" not in OPERATIONS] == []

    @pytest.mark.parametrize("name", ["operations.md", "cli.md"])
    def test_name_only_commands_that_exist(self, name: str) -> None:
        text = (ROOT / "docs" / name).read_text("utf-8")
        named = set(re.findall(r"(?<!-u )\bwatchword ([a-z]+(?: [a-z]+)?)", text))
        lone = {command.split()[0] for command in COMMANDS}
        assert [one for one in named if one not in COMMANDS and one.split()[0] not in lone] == []
