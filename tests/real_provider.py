"""An OpenID provider that others wrote, on a port of this machine: that of `examples/provider`.

It runs on Node and is installed from its lock file at first use, beside pytest's own cache. Where
there is no Node, what needs it is left out, and says so; in CI it fails.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.proof.processes import end_with_parent
from watchword.crypto.secret import Secret
from watchword.domain.federation import OpenIdProvider

HERE = Path(__file__).parents[1] / "examples" / "provider"
CLIENT_SECRET = "s+e/c:r et"  # what a form would encode, so that forgetting it shows
SECONDS_TO_INSTALL = 120


def modules_of(config: pytest.Config) -> Path:
    """The provider's modules, in a folder for each content of the lock file."""
    _require_node()
    files = [HERE / "package.json", HERE / "package-lock.json"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    cache = config.cache
    assert cache is not None
    folder = cache.mkdir("real-provider") / digest
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
        pytest.skip("THE PROOF AGAINST A REAL OPENID PROVIDER IS LEFT OUT: no node, or no npm")
    assert is_there, "node and npm are missing: apt-get install nodejs npm"


@contextmanager
def running(
    modules: Path, folder: Path, *, callback: str, verified: str = "ada", pushed: bool = True
) -> Iterator[str]:
    """The provider's issuer; it ends with the block. ``folder`` is its own, ``verified`` whose
    address it has verified.
    """
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(modules)
    options = ["--issuer", "http://127.0.0.1:0", "--callback", callback, "--verified", verified]
    command = ["node", "provider.mjs", *options, *(["--pushed"] if pushed else [])]
    with subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "CLIENT_SECRET": CLIENT_SECRET},  # noqa: TID251  node's place
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=end_with_parent,  # noqa: PLW1509  it only asks the kernel
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def configured(id_: str, issuer: str) -> OpenIdProvider:
    return OpenIdProvider(
        id=id_,
        name=id_.title(),
        issuer=issuer,
        client_id="watchword",
        client_secret=Secret(CLIENT_SECRET.encode()),
    )
