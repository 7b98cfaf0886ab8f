"""The image, as far as it can be tried without an engine: its lines are run in a folder, and what
they make serves as somebody without rights, on file systems that cannot be written to.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.dockerfile import FILE, Image, is_left_out, stages, the_one, variables
from tests.deploy.stage import IS_NEEDED
from tests.docs.five_minutes import follow
from tests.docs.shell import free_port

UID = "10001"
_NOBODY = [
    *("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs"),
    *("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"),
]
# Everything is read-only, but for the folder that is named first.
_READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro / && exec "$@"'


def confined(command: Sequence[str], writable: Path) -> list[str]:
    """As an engine runs it with ``--read-only``. Who is not root, or may not mount, is held back by
    the modes of files alone.
    """
    if os.geteuid() != 0:
        return list(command)
    held = [*_NOBODY, *command]
    may_mount = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if may_mount.returncode != 0:
        return held
    return ["unshare", "--mount", "sh", "-c", _READ_ONLY, str(writable), *held]


def base_python() -> Path:
    """One whose files others than its owner may read, as the image's."""
    for path in (Path(sys.base_prefix) / "bin" / "python3", Path("/usr/bin/python3")):
        # Through a shell, which is without rights itself when it looks for the file.
        command = ["sh", "-c", f"{path} -c 'import ensurepip, sys; sys.exit(not sys.executable)'"]
        held = [*(_NOBODY if os.geteuid() == 0 else []), *command]
        if subprocess.run(held, capture_output=True, check=False).returncode == 0:
            return path
    told = "THE PROOF OF THE IMAGE IS LEFT OUT: install Debian's python3-venv"
    if IS_NEEDED:
        pytest.fail(told)
    pytest.skip(told)


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    folder = Path(tempfile.mkdtemp(prefix="watchword-image-"))  # others may pass, unlike pytest's
    try:
        folder.chmod(0o755)
        image = Image(folder, base_python())
        image.build()
        yield image
    finally:
        shutil.rmtree(folder)


@contextmanager
def serving(image: Image, *more: str) -> Iterator[str]:
    """The address of a container, which ends well in the end."""
    data = Path(image.put("/var/lib/watchword"))
    port = free_port()
    command = [*the_one("ENTRYPOINT").words, *the_one("CMD").words, "--port", str(port), *more]
    with subprocess.Popen(
        confined(command, data),
        cwd=image.put(the_one("WORKDIR").argument),
        env=image.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        try:
            while '"ready"' not in said:
                line = process.stdout.readline()
                said += line
                assert line, said
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            said += process.stdout.read()
    assert process.returncode == 0, said


def health(image: Image, port: int) -> int:
    """The exit code of the check."""
    words = [word.replace("8000", str(port)) for word in the_one("HEALTHCHECK").words]
    return subprocess.run(
        words, env=image.environment(), check=False, stderr=subprocess.DEVNULL, timeout=30
    ).returncode


def others(folder: Path, data: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if data not in path.parents}


def require_confinement(image: Image, folder: Path, workers: str) -> None:
    data = Path(image.put("/var/lib/watchword"))
    before = others(image.root, data)
    with serving(image, "--workers", workers) as url:
        follow(url, folder)
        assert health(image, int(url.rpartition(":")[2])) == 0
    assert others(image.root, data) == before
    database = data / "watchword.db"
    assert database.stat().st_uid == (int(UID) if os.geteuid() == 0 else os.geteuid())
    database.unlink()
    (data / "secret").unlink()


def test_the_image_serves_without_rights_and_writes_to_its_data_directory_alone(
    image: Image, tmp_path: Path
) -> None:
    """One test, for it takes a while to make the image."""
    for workers in ("1", "2"):
        require_confinement(image, tmp_path, workers)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert health(image, port) != 0
    assert health(image, port) != 0
    programs = {path.name for path in Path(image.put("/opt/watchword/bin")).iterdir()}
    assert "watchword" in programs
    assert not [name for name in programs if name.startswith("pip")]


class TestTheDockerfile:
    def test_runs_as_a_number_that_is_not_root(self) -> None:
        assert the_one("USER").argument == f"{UID}:{UID}"

    def test_installs_nothing_that_is_not_locked(self) -> None:
        installs = [
            part
            for stage in stages()
            for one in stage
            for part in re.split(r" && ", one.argument)
            if one.name == "RUN" and "pip install" in part
        ]
        assert len(installs) == 3
        assert all("--require-hashes" in one or "--no-index" in one for one in installs)

    def test_holds_no_setting_but_where_the_data_are(self) -> None:
        named = re.findall(r"WATCHWORD_\w+", FILE.read_text("utf-8"))
        assert set(named) == {"WATCHWORD_DATA_DIR"}
        assert not [one for stage in stages() for one in stage if one.name in {"ADD", "ARG"}]
        assert variables()["WATCHWORD_DATA_DIR"] == the_one("VOLUME").argument

    @pytest.mark.parametrize(
        "path",
        [".env", "watchword-data/secret", ".git/config", "deploy/nodes.env", "tests/a.py"],
    )
    def test_is_not_even_shown_what_is_secret(self, path: str) -> None:
        assert is_left_out(path)
        assert not is_left_out("src/watchword/cli/serve.py")

    def test_ends_by_the_signal_that_serve_ends_well_by(self) -> None:
        assert the_one("STOPSIGNAL").argument == "SIGTERM"
        assert the_one("ENTRYPOINT").words == ["watchword"]  # no shell between it and the signal
