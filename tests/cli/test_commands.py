"""Every command is listed, helps itself, is documented, and fails in a sentence."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import watchword.cli as door
from tests.cli.conftest import Operator
from watchword import __version__
from watchword.cli import COMMANDS, GROUPS, watchword

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"


def find(name: str) -> click.Command:
    context = click.Context(watchword)
    command: click.Command | None = watchword
    for word in name.split():
        assert isinstance(command, click.Group)
        command = command.get_command(context, word)
    assert command is not None
    return command


def help_of(*words: str) -> str:
    return CliRunner().invoke(watchword, [*words, "--help"], prog_name="watchword").stdout


class TestTheTable:
    @pytest.mark.parametrize("name", COMMANDS)
    def test_lists_a_command_as_it_describes_itself(self, name: str) -> None:
        assert (find(name).help or "").split("\n\n")[0].replace("\n", " ") == COMMANDS[name].summary

    @pytest.mark.parametrize("name", COMMANDS)
    def test_holds_commands_that_help_with_an_example(self, name: str) -> None:
        told = help_of(*name.split())
        assert "Examples:" in told
        assert f"watchword {name}" in told.split("Examples:")[1]

    @pytest.mark.parametrize("name", COMMANDS)
    def test_holds_commands_that_are_documented_with_an_example(self, name: str) -> None:
        section = DOCUMENT.read_text("utf-8").split(f"\n## `watchword {name}", 1)
        assert len(section) == 2, f"docs/cli.md has no section about {name}"
        text = section[1].split("\n## ")[0]
        assert re.search(rf"^watchword {name}", text, re.MULTILINE)
        for option in find(name).params:
            if isinstance(option, click.Option):
                assert option.opts[-1] in text

    def test_has_a_line_for_every_group(self) -> None:
        assert {name.split()[0] for name in COMMANDS if " " in name} == set(GROUPS)


class TestHelp:
    def test_lists_every_command(self) -> None:
        told = help_of()
        assert all(name.split()[0] in told for name in COMMANDS)
        assert all(COMMANDS[name].summary in told for name in COMMANDS if " " not in name)

    def test_of_a_group_lists_its_commands(self) -> None:
        told = help_of("users")
        assert "List accounts, newest first." in told
        assert "End one session" not in told

    def test_loads_nothing_that_only_a_command_needs(self) -> None:
        program = (
            "import sys; from watchword.cli import watchword;"
            "watchword(['users', '--help'], standalone_mode=False);"
            "heavy = {'watchword.bootstrap', 'uvicorn', 'sqlalchemy', 'rich', 'cryptography'};"
            "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_tells_the_version(self, operator: Operator) -> None:
        assert operator("--version").out.strip() == f"watchword, version {__version__}"


class TestFailure:
    def test_of_usage_has_a_code_of_its_own(self, operator: Operator) -> None:
        assert "No such command" in operator.refused("sing", code=2)
        assert "No such command" in operator.refused("users", "sing", code=2)

    def test_of_settings_names_each(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_LOCKUOT", "off")
        monkeypatch.setenv("WATCHWORD_SECRET", "short")
        told = operator.refused("users", "list")
        assert "Did you mean WATCHWORD_LOCKOUT?" in told
        assert "WATCHWORD_SECRET: Use 32 bytes or more" in told

    def test_of_a_weak_hash_says_what_to_write(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_PASSWORD_HASH", "argon2id,m=64,t=1,p=1")
        assert "WATCHWORD_PASSWORD_HASH" in operator.refused("users", "list")

    def test_of_the_data_directory_says_which_and_why(self, operator: Operator) -> None:
        (operator.folder / "watchword-data").write_text("a file in its place")
        told = operator.refused("users", "list")
        assert str(operator.folder / "watchword-data") in told
        assert "WATCHWORD_DATA_DIR" in told

    def test_of_a_file_is_told_with_its_name(self, operator: Operator) -> None:
        target = operator.folder / "missing" / "users.ndjson"
        told = operator.refused("users", "export", "-o", str(target))
        assert str(target.parent) in told

    def test_of_the_program_itself_is_a_sentence(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def fail(**_: str) -> None:
            raise ZeroDivisionError("a bug")

        monkeypatch.setattr(door, "watchword", fail)
        monkeypatch.setattr(sys, "argv", ["watchword", "serve"])
        with pytest.raises(SystemExit) as caught:
            door.main()
        assert caught.value.code == 1
        assert "bug in Watchword (ZeroDivisionError: a bug)" in capsys.readouterr().err
        monkeypatch.setattr(sys, "argv", ["watchword", "--debug", "serve"])
        with pytest.raises(ZeroDivisionError):
            door.main()
