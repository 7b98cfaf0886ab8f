# ruff: noqa: RUF009  `setting` makes a dataclass field, whose default is made anew each time
"""The settings of pages, declared as `declared` says, and standing behind the others."""

from dataclasses import dataclass
from pathlib import Path

from watchword.settings.choices import Pages
from watchword.settings.declared_risk import DeclaredRisk
from watchword.settings.looks import color, picture
from watchword.settings.parsing import one_of, optional, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredPages(DeclaredRisk):
    pages: Pages = setting(
        "PAGES",
        one_of(tuple(Pages)),
        default="on",
        meaning="`off`: the pages for people are not there, only the API.",
    )
    color: str = setting(
        "COLOR",
        color(),
        default="#0b57a4",
        meaning="Of buttons and links on pages: `#rrggbb`, on which white text can be read.",
    )
    logo: Path | None = setting(
        "LOGO",
        optional(picture()),
        meaning="A picture above the pages: an `.svg`, `.png` or `.webp` file of at most 256 KiB.",
    )
