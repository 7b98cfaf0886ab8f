"""What mails say, in the language of who reads them: the same way, and the same form of files, as
on the pages.

The English text is its own key. A language is a file ``languages/<tag>.toml`` (RFC 5646) that maps
each text to what stands in its place; what is missing there stays English.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from watchword.adapters.templates.faults import TemplateFault
from watchword.domain.languages import ENGLISH, fill, fits, translate
from watchword.domain.time import SECOND, Instant

OURS: Final = Path(__file__).parent / "mail"
# A translation may stand in a subject, where a line's end would begin a header (attack I07).
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TAG: Final = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}", re.ASCII)
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)

Failed = Callable[[TemplateFault], None]


@dataclass(frozen=True, slots=True)
class Words:
    """One language, with what is ``said`` in the place of texts of ours."""

    language: str
    said: Mapping[str, str]

    def translate(self, text: str) -> str:
        return translate(text, self.said)

    def say(self, text: str, /, **facts: object) -> str:
        return fill(self.translate(text), facts)

    def moment(self, at: Instant) -> str:
        """``21 November 2026, 10:41 UTC``."""
        moment = datetime.fromtimestamp(at // SECOND, UTC)
        text = f"{{day}} {_MONTHS[moment.month - 1]} {{year}}, {{time}} UTC"
        return self.say(text, day=moment.day, year=moment.year, time=f"{moment:%H:%M}")

    def device(self, browser: str, system: str) -> str:
        if browser and system:
            return self.say("{browser} on {system}", browser=browser, system=system)
        return browser or system


def own_folders(folder: Path | None) -> Mapping[str, Path]:
    """Those of an operator with templates of one language alone, by its tag in lower case."""
    if folder is None or not folder.is_dir():
        return {}
    found = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    return {tag: path for tag, path in found.items() if _TAG.fullmatch(tag)}


def find_languages(folder: Path | None) -> frozenset[str]:
    """All that there are, ours and those of an operator's ``folder``."""
    files = [*_files(OURS), *(_files(folder) if folder is not None else ())]
    tags = {file.stem.lower() for file in files}
    return frozenset({ENGLISH, *tags, *own_folders(folder)})


def read_words(folder: Path, language: str, failed: Failed) -> Mapping[str, str]:
    """``failed`` is told of a file that cannot be read and of a text that cannot be said, which are
    left out: a mail goes out whatever an operator writes.
    """
    files = [file for file in _files(folder) if file.stem.lower() == language]
    return {text: said for file in files for text, said in _texts(file, failed)}


def _files(folder: Path) -> list[Path]:
    files = sorted((folder / "languages").glob("*.toml"))
    return [file for file in files if _TAG.fullmatch(file.stem.lower())]


def _texts(file: Path, failed: Failed) -> Iterator[tuple[str, str]]:
    try:
        texts = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        failed(TemplateFault(str(file), str(error)))
        return
    for text, said in texts.items():
        if isinstance(said, str) and said.strip() and fits(text, said) and not _UNFIT.search(said):
            yield text, said
        else:
            failed(TemplateFault(str(file), f"What stands for '{text}' cannot be said."))
