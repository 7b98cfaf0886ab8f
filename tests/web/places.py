"""A small database of places where a server looks for one."""

from pathlib import Path

from tests.adapters.maxmind.archives import CITIES


def put_places(folder: Path, content: bytes = CITIES) -> None:
    """``folder`` is the data directory."""
    file = folder / "geo" / "places.mmdb"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
