"""How pages look: the operator's name, colours and logo, and the files that a page loads.

Invariant: a page loads nothing from another host, and a file's address changes with its content.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from watchword.web.answers import Answer, Header

_OURS: Final = Path(__file__).parent / "static"
_FOR_A_YEAR: Final[Header] = (b"cache-control", b"public, max-age=31536000, immutable")
_TYPES: Final = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".webp": b"image/webp",
}


@dataclass(frozen=True, slots=True)
class Look:
    """``color`` is that of buttons and links, ``#rrggbb``; ``logo`` a file that browsers show."""

    service_name: str
    color: str
    logo: Path | None = None


class Assets:
    """The files that pages load, kept in memory: there are few, and they are small. ``failed`` is
    told of a logo that cannot be read, without which pages are shown.
    """

    def __init__(self, look: Look, failed: Callable[[str, Exception], None]) -> None:
        files = {file.name: file.read_bytes() for file in sorted(_OURS.iterdir())}
        files["brand.css"] = f":root{{--accent:{look.color}}}\n".encode()
        self.logo: str | None = None
        if look.logo is not None:
            name = f"logo{look.logo.suffix.lower()}"
            try:
                files[name] = look.logo.read_bytes()
                self.logo = name
            except OSError as error:
                failed(look.logo.name, error)
        self._files: Mapping[str, bytes] = files
        self._versions = {name: sha256(content).hexdigest()[:16] for name, content in files.items()}

    def address(self, name: str) -> str:
        """Below where this application is mounted."""
        return f"/assets/{name}?v={self._versions[name]}"

    def find(self, name: str) -> Answer | None:
        content = self._files.get(name)
        if content is None:
            return None
        kind = _TYPES[Path(name).suffix]
        return Answer(200, content, [(b"content-type", kind), _FOR_A_YEAR])
