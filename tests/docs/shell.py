"""A newcomer's terminal: what a document tells them to paste, pasted."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
_END = "\x1e"
_STEP = re.compile(r"^```sh\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_ORDERED = re.compile(r"^\d\. .*?(?=^\d\. |\n\n)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One block of commands; what it shows, with ``…`` for what is not the same each time."""

    commands: str
    shown: str

    def require(self, said: str) -> None:
        """Fail with what was ``said`` if the document shows something else."""
        pattern = re.escape(self.shown).replace("…", ".*")
        assert re.fullmatch(pattern, said, re.DOTALL), f"{self.commands}\n{said}"


def steps_of(text: str) -> list[Step]:
    return [Step(commands, shown) for commands, shown in _STEP.findall(text)]


def clicks_of(text: str) -> list[str]:
    """What the numbered steps say to click, in their order."""
    return [name for item in _ORDERED.findall(text) for name in _BOLD.findall(item)]


class Shell:
    """A bash that ends at the first command that fails."""

    def __init__(self, process: "subprocess.Popen[str]", errors: Path) -> None:
        self._process = process
        self._errors = errors

    def paste(self, commands: str) -> str:
        """What is printed."""
        keys, screen = self._ends()
        keys.write(f"{commands}\nprintf '\\036'\n")
        keys.flush()
        said = ""
        while not said.endswith(_END):
            more = screen.read(1)
            assert more, f"{commands}\n{said}\n{self._errors.read_text('utf-8')}"
            said += more
        return said.removesuffix(_END)

    def _ends(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


@contextmanager
def a_shell(folder: Path, **environment: str) -> Iterator[Shell]:
    """In the checkout, with this Python's commands; temporary folders are made in ``folder``. What
    it leaves running ends with it.
    """
    errors = folder / "errors.txt"
    own = {
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
        "PYTHONPATH": str(ROOT / "src"),
        "TMPDIR": str(folder),
    }
    with (
        errors.open("w") as told,
        subprocess.Popen(
            ["bash", "-euo", "pipefail"],
            cwd=ROOT,
            env=own | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
            bufsize=1,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield Shell(process, errors)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
