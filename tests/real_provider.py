"""An OpenID provider that others wrote, on a port of this machine: that of `examples/provider`.

It runs on Node, and is installed by `tests.npm`.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.npm import installed
from tests.proof.processes import end_with_parent
from watchword.crypto.secret import Secret
from watchword.domain.federation import OpenIdProvider

HERE = Path(__file__).parents[1] / "examples" / "provider"
CLIENT_SECRET = "s+e/c:r et"  # what a form would encode, so that forgetting it shows


def modules_of(config: pytest.Config) -> Path:
    return installed(config, HERE)


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
