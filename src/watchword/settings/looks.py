"""Settings that people see on pages."""

import re
from pathlib import Path
from typing import Final

from watchword.settings.parsing import Kind, Unreadable, folder

_COLOR: Final = re.compile(r"#[0-9a-f]{6}")
_PICTURES: Final = (".svg", ".png", ".webp")
_LEAST_CONTRAST: Final = 4.5
_DARK: Final = 0.04045


def color() -> Kind[str]:
    """One that white text can be read on (WCAG 2.2, 1.4.3)."""

    def parse(text: str) -> str:
        value = text.lower()
        if not _COLOR.fullmatch(value):
            raise Unreadable("Use #rrggbb, such as #0b57a4.")
        if 1.05 / (_luminance(value) + 0.05) < _LEAST_CONTRAST:
            raise Unreadable("White text cannot be read on this: use a darker color.")
        return value

    return Kind(parse, str)


def _luminance(color: str) -> float:
    """WCAG 2.2, relative luminance: 0 for black, 1 for white."""
    red, green, blue = (_linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= _DARK else ((part + 0.055) / 1.055) ** 2.4


def picture() -> Kind[Path]:
    """Of a kind that browsers show; whether it is there is seen at the start."""

    def parse(text: str) -> Path:
        if not text.lower().endswith(_PICTURES):
            raise Unreadable("Use an .svg, .png or .webp file.")
        return Path(text)

    return Kind(parse, folder().show)
