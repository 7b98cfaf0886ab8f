"""What pages say, in the language of who reads them.

The English text is its own key. A language is a file ``<tag>.toml`` (RFC 5646) that maps each text
to what stands in its place; what is missing there stays English. A number within a text is ``#`` in
both.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Final

from markupsafe import Markup, escape

ENGLISH: Final = "en"
_NUMBER: Final = re.compile(r"\d+")
_RANGE: Final = re.compile(r"([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)(?:;q=([01](?:\.\d{1,3})?))?")
_LONGEST_HEADER: Final = 512


class Words:
    """One language: ``say`` a text of ours. Facts stand in braces, and are inert in HTML."""

    def __init__(self, language: str, said: Mapping[str, str]) -> None:
        self.language = language
        self._said = said

    def say(self, text: str, /, **facts: object) -> Markup:
        said = escape(self._translated(text))
        return said.format(**facts) if facts else said

    def _translated(self, text: str) -> str:
        known = self._said.get(text)
        if known is not None:
            return known
        numbers = iter(_NUMBER.findall(text))
        pattern = self._said.get(_NUMBER.sub("#", text))
        if pattern is None:
            return text
        return re.sub("#", lambda _: next(numbers, "#"), pattern)


class UnfitText(Exception):
    """A text that could not be said in place of its English one."""


class Languages:
    """Of files in ``folders``, of which the later goes before the earlier, text by text. ``failed``
    is told of a file that cannot be read and of a text that cannot be said, which are left out:
    pages are shown whatever an operator writes.
    """

    def __init__(
        self, default: str, folders: Sequence[Path], failed: Callable[[str, Exception], None]
    ) -> None:
        self._default = default
        self._folders = folders
        self._failed = failed

    @cached_property
    def _known(self) -> Mapping[str, Words]:
        said: dict[str, dict[str, str]] = {ENGLISH: {}}
        for folder in self._folders:
            for file in sorted(folder.glob("*.toml")):
                said.setdefault(file.stem.lower(), {}).update(self._texts(file))
        return {language: Words(language, texts) for language, texts in said.items()}

    def _texts(self, file: Path) -> Iterator[tuple[str, str]]:
        try:
            texts = tomllib.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            self._failed(file.name, error)
            return
        for text, translated in texts.items():
            if isinstance(translated, str) and _facts(translated) <= _facts(text):
                yield text, translated
            else:
                self._failed(file.name, UnfitText(f"What stands for '{text}' cannot be said."))

    def chosen(self, accept_language: bytes | None) -> Words:
        """RFC 9110 section 12.5.4, by RFC 4647's look-up; the default for who asks for nothing that
        is known.
        """
        for language in _preferred(accept_language or b""):
            found = self._find(language)
            if found is not None:
                return found
        return self._find(self._default) or self._known[ENGLISH]

    def _find(self, language: str) -> Words | None:
        tag = language.lower()
        while tag:
            if tag in self._known:
                return self._known[tag]
            tag = tag.rpartition("-")[0]
        return None


def _facts(text: str) -> set[str]:
    """What stands in braces; where they do not match, what no fact is called."""
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError:
        return {"{"}


def _preferred(header: bytes) -> Sequence[str]:
    ranges: list[tuple[float, str]] = []
    for part in header[:_LONGEST_HEADER].decode("latin-1").replace(" ", "").split(","):
        match = _RANGE.fullmatch(part)
        if match is not None and match[1] != "*":
            ranges.append((float(match[2] or 1), match[1]))
    ranges.sort(key=lambda one: -one[0])
    return [language for weight, language in ranges if weight > 0]
