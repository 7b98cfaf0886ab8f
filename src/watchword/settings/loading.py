"""Where settings come from: the environment first, then `.env` in the working directory.

Invariant: the only reader of the environment. What is wrong is collected, then told all at once;
a message names the setting and what to write, and never repeats a value.
"""

import os
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from watchword.domain.devices import printable
from watchword.settings.parsing import PREFIX

FILE = ".env"
_FOR_TESTS = PREFIX + "TEST_"
_LONGEST_NAME = 100


class SettingsError(Exception):
    """The settings cannot be used. ``problems``: one line for each thing to mend."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = "One setting needs" if len(problems) == 1 else f"{len(problems)} settings need"
        super().__init__("\n  ".join([f"{count} your attention:", *self.problems]))


@dataclass(frozen=True, slots=True)
class Given:
    """The text of one setting. ``label`` names the variable, and the file if it stood there."""

    text: str
    label: str


Family = Callable[[Iterable[str]], Collection[str]]
"""Settings whose names hold a word of the operator's: all that there are, by what is written."""


def gather(
    single: Collection[str], family: Family, environ: Mapping[str, str] | None, folder: Path
) -> tuple[dict[str, Given], list[str]]:
    """What is written, by variable, and what is wrong with it before any value is read.

    An empty value counts as none, but in the environment still hides that of the file.
    """
    environment = os.environ if environ is None else environ  # noqa: TID251  the one reader
    written, problems = _read_file(folder / FILE)
    written |= {name: Given(text, name) for name, text in environment.items() if _is_ours(name)}
    known = {*single, *family(written)}
    for name, given in written.items():
        if name not in known:
            problems.append(
                f"{_shown(given.label)}: there is no such setting. {_near(name, known)}"
            )
        elif not _is_text(given.text):
            problems.append(f"{given.label}: remove the control characters, and use UTF-8.")
    usable = {
        name: given
        for name, given in written.items()
        if name in known and given.text.strip() and _is_text(given.text)
    }
    return usable, problems


def _read_file(path: Path) -> tuple[dict[str, Given], list[str]]:
    try:
        text = path.read_text("utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):  # some name a folder so
        return {}, []
    except (OSError, UnicodeDecodeError):
        return {}, [
            f"{FILE}: cannot be read. Make it a file of UTF-8 text that this user may read."
        ]
    found: dict[str, Given] = {}
    problems: list[str] = []
    for binding in parse_stream(StringIO(text)):
        is_ours = binding.key is not None and _is_ours(binding.key)
        if binding.error or (is_ours and binding.value is None):
            problems.append(f"{FILE}: line {binding.original.line} is not NAME=value.")
        elif binding.key is not None and binding.value is not None and is_ours:
            found[binding.key] = Given(binding.value, f"{binding.key} (in {FILE})")
    return found, problems


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) and not name.startswith(_FOR_TESTS)


def _is_text(text: str) -> bool:
    return not any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)


def _shown(label: str) -> str:
    return printable(label, _LONGEST_NAME)


def _near(name: str, known: Collection[str]) -> str:
    """Names are compared without what all of them begin with, which would make any two alike."""
    words = [variable.removeprefix(PREFIX) for variable in known]
    near = get_close_matches(
        name.removeprefix(PREFIX)[:_LONGEST_NAME].upper(), words, n=1, cutoff=0.7
    )
    if near:
        return f"Did you mean {PREFIX}{near[0]}?"
    return "docs/configuration.md lists those that there are."
