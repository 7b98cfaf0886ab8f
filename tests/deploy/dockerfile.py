"""`deploy/Dockerfile` as its instructions, and what they do, done in a folder that stands for the
image's root. So what is tried here and what an engine builds are the same lines.
"""

import fnmatch
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "Dockerfile"
_PLACES = re.compile(r"(?<![\w./])/(opt|src|etc/watchword|var/lib/watchword)\b")
_PAIR = re.compile(r"(\w+)=(\S+)")


@dataclass(frozen=True, slots=True)
class Instruction:
    name: str
    argument: str

    @property
    def words(self) -> list[str]:
        """Of the form that is JSON."""
        found: list[str] = json.loads(self.argument[self.argument.index("[") :])
        return found


def stages() -> list[list[Instruction]]:
    """What stands before the first one is left out."""
    text = re.sub(r"^\s*#.*\n", "", FILE.read_text("utf-8"), flags=re.MULTILINE)
    found: list[list[Instruction]] = []
    for line in text.replace("\\\n", " ").splitlines():
        name, _, argument = line.partition(" ")
        if name == "FROM":
            found.append([])
        if found and name:
            found[-1].append(Instruction(name, argument.strip()))
    return found


def the_one(name: str) -> Instruction:
    """Of the image itself, the last stage."""
    (found,) = [one for one in stages()[-1] if one.name == name]
    return found


def variables() -> dict[str, str]:
    return dict(_PAIR.findall(the_one("ENV").argument))


def is_left_out(path: str) -> bool:
    """By `.dockerignore`: of the lines that match, the last one counts."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.removeprefix("!")
        if not line.startswith("#") and _covers(pattern, path):
            verdict = not line.startswith("!")
    return verdict


def _covers(pattern: str, path: str) -> bool:
    parts = path.split("/")
    parents = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    return any(fnmatch.fnmatch(parent, pattern) for parent in parents)


class Image:
    """``root`` stands for ``/``; ``python`` is the base's."""

    def __init__(self, root: Path, python: Path) -> None:
        self.root = root
        self._python = python

    def build(self) -> None:
        for stage in stages():
            folder = self.root
            for one in stage:
                if one.name == "WORKDIR":
                    folder = Path(self.put(one.argument))
                    folder.mkdir(parents=True, exist_ok=True)
                elif one.name == "COPY":
                    _copy(one.argument.split(), folder)
                elif one.name == "RUN":
                    self._run(one.argument, folder)

    def put(self, text: str) -> str:
        """With the places of the image where they are here."""
        return _PLACES.sub(lambda match: f"{self.root}{match[0]}", text)

    def environment(self) -> dict[str, str]:
        return {name: self.put(value) for name, value in variables().items()}

    def _run(self, command: str, folder: Path) -> None:
        if os.geteuid() != 0:
            command = re.sub(r" -[og] \d+", "", command)  # there is nobody else to give it to
        command = re.sub(r"(?<![\w/])python ", f"{self._python} ", command)
        own: Mapping[str, str] = os.environ  # noqa: TID251  where pip finds packages
        done = subprocess.run(
            ["sh", "-ec", self.put(command)],
            cwd=folder,
            env={**own, "PIP_QUIET": "1", "PIP_NO_COMPILE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"RUN {command}\n{done.stdout}"


def _copy(words: list[str], folder: Path) -> None:
    *sources, target = words
    if sources[0] == "--from=build":
        return  # both stages have one root here
    for source in sources:
        assert not is_left_out(source), source
        to = folder / target
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            to.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, to)
