"""What pages say, in the language of who reads them.

The English text is its own key. A language is a file ``<tag>.toml`` (RFC 5646) that maps each text
to what stands in its place; what is missing there stays English. A number within a text is ``#`` in
both.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from markupsafe import Markup, escape

from watchword.domain.languages import ENGLISH, fits, translate
from watchword.web.languages import Negotiation


class Words:
    """One language: ``say`` a text of ours. Facts stand in braces, and are inert in HTML."""

    def __init__(self, language: str, said: Mapping[str, str]) -> None:
        self.language = language
        self._said = said

    def say(self, text: str, /, **facts: object) -> Markup:
        said = escape(self._translated(text))
        return said.format(**facts) if facts else said

    def _translated(self, text: str) -> str:
        return translate(text, self._said)


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
            if isinstance(translated, str) and fits(text, translated):
                yield text, translated
            else:
                self._failed(file.name, UnfitText(f"What stands for '{text}' cannot be said."))

    def chosen(self, accept_language: bytes | None) -> Words:
        """The default for who asks for nothing that is known."""
        return self._known[Negotiation(self._known, self._default).chosen(accept_language)]
