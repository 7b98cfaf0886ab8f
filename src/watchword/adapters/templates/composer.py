"""A mail from the templates and words of the operator, and where those fail, from ours.

Invariant: foreign text among the facts is one line, and inert in HTML (attacks I07, I09).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watchword.adapters.templates.faults import TemplateFault, TemplatesUnusable
from watchword.adapters.templates.words import (
    OURS,
    Failed,
    Words,
    find_languages,
    own_folders,
    read_words,
)
from watchword.domain.devices import printable
from watchword.domain.languages import ENGLISH, find_language
from watchword.domain.letters import MailRefused, Reason
from watchword.domain.time import Instant
from watchword.ports.mail import Composed

if TYPE_CHECKING:
    from watchword.adapters.templates.shelf import Shelf

_LONGEST_FACT: Final = 2_048

# What a template may use without asking whether it is there; any other fact must be given.
_OPTIONAL: Final = (
    *("name", "address", "valid_for", "browser", "system", "ip", "place", "detail", "account_url"),
)
_REQUIRED: Final = ("service", "link")


@dataclass(frozen=True, slots=True)
class _Hand:
    """Who writes in one language: templates, and the words that stand in them."""

    shelf: "Shelf"
    words: Words

    def facts(self, given: Mapping[str, str], at: Instant) -> dict[str, str]:
        known = dict.fromkeys(_OPTIONAL, "") | {
            name: printable(" ".join(fact.split()), _LONGEST_FACT) for name, fact in given.items()
        }
        known["device"] = self.words.device(known.pop("browser"), known.pop("system"))
        known["valid_for"] = self.words.translate(known["valid_for"])
        return known | {"time": self.words.moment(at)}


class TemplateComposer:
    """``folder`` is the operator's; a file or a text that is not there is taken from ours.
    ``language`` is written in where that of a letter is not there. ``failed`` is told of what is
    theirs and could not be used.
    """

    def __init__(self, language: str, folder: Path | None, failed: Failed) -> None:
        self._default = language
        self._folder = None if folder is None else folder / "mail"
        self._failed = failed
        self._shelves: dict[tuple[Path, ...], Shelf] = {}
        self._hands: dict[str, tuple[_Hand, ...]] = {}
        self._languages = find_languages(self._folder)

    @property
    def is_ours(self) -> bool:
        """Whether there is nothing of the operator's in it, so that it need not be checked."""
        return self._folder is None and find_language(self._default, self._languages) is not None

    def compose(
        self, reason: Reason, facts: Mapping[str, str], *, at: Instant, language: str
    ) -> Composed:
        """Facts: ``service``, for mail with a link ``link``, and any of ``name``, ``address``,
        ``valid_for``, ``browser``, ``system``, ``ip``, ``place``, ``detail``, ``account_url``.

        Raise `MailRefused` if one that is needed is missing.
        """
        *theirs, ours = self._hands_for(self._nearest(language))
        for hand in theirs:
            try:
                return hand.shelf.compose(reason, hand.facts(facts, at), hand.words)
            except TemplateFault as fault:
                self._failed(fault)
        try:
            return ours.shelf.compose(reason, ours.facts(facts, at), ours.words)
        except TemplateFault as fault:
            raise MailRefused(str(fault)) from None

    def check(self) -> None:
        """Write every mail in every language with facts that are made up, with as many and as few
        as there can be.

        Raise `TemplatesUnusable`, which names each file that is at fault.
        """
        folder = self._folder
        if folder is not None and not folder.parent.is_dir():
            raise TemplatesUnusable([TemplateFault(str(folder.parent), "there is no such folder")])
        faults = [fault for language in sorted(self._languages) for fault in self._faults(language)]
        if find_language(self._default, self._languages) is None:
            file = (folder or OURS) / "languages" / f"{self._default}.toml"
            faults.append(TemplateFault(str(file), "it is missing"))
        if faults:
            raise TemplatesUnusable(list({str(fault): fault for fault in faults}.values()))

    def _faults(self, language: str) -> list[TemplateFault]:
        hand = self._hands_for(language)[0]
        fewest = {name: f"a {name}" for name in _REQUIRED}
        most = {name: f"a {name}" for name in (*_REQUIRED, *_OPTIONAL)}
        return [
            fault
            for reason in Reason
            for facts in (most, fewest)
            for fault in hand.shelf.find_faults(reason, hand.facts(facts, 0), hand.words)
        ]

    def _nearest(self, language: str) -> str:
        known = self._languages
        return find_language(language, known) or find_language(self._default, known) or ENGLISH

    def _hands_for(self, language: str) -> tuple[_Hand, ...]:
        """The operator's if there are any, over ours, and ours alone."""
        if language not in self._hands:
            ours = Words(language, read_words(OURS, language, self._failed))
            is_ours = language in find_languages(None)
            last = _Hand(self._shelf((OURS,)), ours if is_ours else Words(ENGLISH, {}))
            if self._folder is None:
                self._hands[language] = (last,)
            else:
                theirs = read_words(self._folder, language, self._failed)
                own = own_folders(self._folder).get(language)
                folders = (*([] if own is None else [own]), self._folder, OURS)
                words = Words(language, {**ours.said, **theirs})
                self._hands[language] = (_Hand(self._shelf(folders), words), last)
        return self._hands[language]

    def _shelf(self, folders: tuple[Path, ...]) -> "Shelf":
        from watchword.adapters.templates.shelf import (  # lazy: 50 ms, not before the first mail
            Shelf,
        )

        if folders not in self._shelves:
            self._shelves[folders] = Shelf(folders)
        return self._shelves[folders]
