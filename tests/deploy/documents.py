"""YAML, read by Debian's python3-yaml: nothing else here needs a library for it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.stage import IS_NEEDED

_PYTHON = "/usr/bin/python3"
_READ = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)"
_MISSING = "THE PROOF OF THE MANIFESTS IS LEFT OUT: python3-yaml is not installed"


def read(path: Path) -> list[Any]:
    """Each document of the file."""
    has_it = (
        Path(_PYTHON).exists()
        and not subprocess.run(
            [_PYTHON, "-c", "import yaml"], capture_output=True, check=False
        ).returncode
    )
    if not has_it:
        (pytest.fail if IS_NEEDED else pytest.skip)(_MISSING)
    done = subprocess.run(
        [_PYTHON, "-c", _READ], input=path.read_bytes(), capture_output=True, check=True
    )
    found: list[Any] = json.loads(done.stdout)
    return found


def read_one(path: Path) -> Any:
    (found,) = read(path)
    return found
