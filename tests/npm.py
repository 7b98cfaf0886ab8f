"""Packages of npm that tests need, from a lock file, at first use, beside pytest's own cache.

Where there is no Node, what needs them is left out, and says so; in CI it fails.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

SECONDS_TO_INSTALL = 120


def installed(config: pytest.Config, home: Path) -> Path:
    """The modules of the ``package.json`` in ``home``, in a folder for each content of its lock
    file.
    """
    _require_node()
    files = [home / "package.json", home / "package-lock.json"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    cache = config.cache
    assert cache is not None
    folder = cache.mkdir("npm") / digest
    if not folder.exists():
        with TemporaryDirectory(dir=folder.parent) as own:
            made = Path(own) / digest
            made.mkdir()
            for file in files:
                shutil.copy(file, made)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(
                command, cwd=made, check=True, capture_output=True, timeout=SECONDS_TO_INSTALL
            )
            try:
                made.rename(folder)
            except OSError:
                assert folder.exists()  # another worker was quicker
    return folder / "node_modules"


def _require_node() -> None:
    is_there = shutil.which("node") and shutil.which("npm")
    # In CI nothing is skipped: what is not there fails.
    if not is_there and "CI" not in os.environ:  # noqa: TID251
        pytest.skip("WHAT NEEDS NODE IS LEFT OUT: there is no node, or no npm")
    assert is_there, "node and npm are missing: apt-get install nodejs npm"
