"""A mail from the templates of the operator, and where those fail, from ours.

Invariant: foreign text among the facts is one line, and inert in HTML (attacks I07, I09).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watchword.adapters.templates.faults import TemplateFault, TemplatesUnusable
from watchword.domain.devices import printable
from watchword.domain.letters import MailRefused, Reason
from watchword.ports.mail import Composed

if TYPE_CHECKING:
    from watchword.adapters.templates.shelf import Shelf

_OURS: Final = Path(__file__).parent
_OUR_LANGUAGE: Final = "en"
_LONGEST_FACT: Final = 2_048

# What a template may use without asking whether it is there; any other fact must be given.
_OPTIONAL: Final = (
    *("name", "address", "valid_for", "device", "ip", "place", "time", "detail", "account_url"),
)
_REQUIRED: Final = ("service", "link")


class TemplateComposer:
    """``folder`` is the operator's; a file that is not there is taken from ours of the same
    ``language``. ``failed`` is told of a template of theirs in whose place ours was used.
    """

    def __init__(
        self, language: str, folder: Path | None, failed: Callable[[TemplateFault], None]
    ) -> None:
        self._language = language
        self._folder = folder
        self._failed = failed
        self._theirs: Shelf | None = None
        self._ours: Shelf | None = None

    @property
    def is_ours(self) -> bool:
        """Whether there is nothing of the operator's in it, so that it need not be checked."""
        return self._folder is None and _place(_OURS, self._language).is_dir()

    def compose(self, reason: Reason, facts: Mapping[str, str]) -> Composed:
        """Facts: ``service``, for mail with a link ``link``, and any of ``name``, ``address``,
        ``valid_for``, ``device``, ``ip``, ``place``, ``time``, ``detail``, ``account_url``.

        Raise `MailRefused` if one that is needed is missing.
        """
        known = dict.fromkeys(_OPTIONAL, "") | {
            name: printable(" ".join(fact.split()), _LONGEST_FACT) for name, fact in facts.items()
        }
        theirs, ours = self._shelves()
        if theirs is not ours:
            try:
                return theirs.compose(reason, known)
            except TemplateFault as fault:
                self._failed(fault)
        try:
            return ours.compose(reason, known)
        except TemplateFault as fault:
            raise MailRefused(str(fault)) from None

    def check(self) -> None:
        """Write every mail with facts that are made up, with as many and as few as there can be.

        Raise `TemplatesUnusable`, which names each file that is at fault.
        """
        if self._folder is not None and not self._folder.is_dir():
            raise TemplatesUnusable([TemplateFault(str(self._folder), "there is no such folder")])
        fewest = {name: f"a {name}" for name in _REQUIRED} | dict.fromkeys(_OPTIONAL, "")
        most = {name: f"a {name}" for name in (*_REQUIRED, *_OPTIONAL)}
        theirs, _ = self._shelves()
        found = {
            str(fault): fault
            for reason in Reason
            for facts in (most, fewest)
            for fault in theirs.find_faults(reason, facts)
        }
        if found:
            raise TemplatesUnusable(list(found.values()))

    def _shelves(self) -> "tuple[Shelf, Shelf]":
        """The operator's over ours, and ours alone; the same one where the operator has none."""
        from watchword.adapters.templates.shelf import (  # lazy: 50 ms, not before the first mail
            Shelf,
        )

        if self._theirs is None or self._ours is None:
            same = _place(_OURS, self._language)
            if same.is_dir():
                self._ours = Shelf(self._language, [same])
            else:
                self._ours = Shelf(_OUR_LANGUAGE, [_place(_OURS, _OUR_LANGUAGE)])
            if self.is_ours:
                self._theirs = self._ours
            else:
                own = [] if self._folder is None else [_place(self._folder, self._language)]
                self._theirs = Shelf(self._language, [*own, same])
        return self._theirs, self._ours


def _place(folder: Path, language: str) -> Path:
    return folder / "mail" / language
