"""The unit of `deploy/systemd`: systemd understands it, and Watchword bears what it forbids."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.cluster.proxies import find
from tests.deploy.stage import IS_NEEDED, ROOT
from tests.docs.five_minutes import follow
from tests.docs.shell import free_port
from tests.proof.processes import WATCHWORD
from tests.proxies.stage import process
from watchword.settings import Settings

UNIT = ROOT / "deploy" / "systemd" / "watchword.service"
TEXT = UNIT.read_text("utf-8")
MOST_EXPOSED = 20  # tenths; 96 is a service that nothing is said of
# PR_SET_MDWE with PR_MDWE_REFUSE_EXEC_GAIN, which what is run afterwards inherits.
FORBID = (
    "import ctypes, os, sys; sys.exit('refused') if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)"
    " else os.execvp(sys.argv[1], sys.argv[1:])"
)
FORBIDDING = (sys.executable, "-c", FORBID)


def require_systemd() -> str:
    found = find("systemd-analyze")
    if found is None:
        told = "THE PROOF OF THE UNIT IS LEFT OUT: systemd is not installed"
        (pytest.fail if IS_NEEDED else pytest.skip)(told)
    return found or ""


def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    """With a program that is here, by a name that is the user of everything here."""
    program = tmp_path / "watchword"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    here = TEXT.replace("/opt/watchword/bin/watchword", str(program))
    (tmp_path / "watchword.service").write_text(here)
    command = [require_systemd(), "verify", "--man=no", str(tmp_path / "watchword.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    about_it = [line for line in done.stderr.splitlines() if "watchword" in line]
    assert (done.returncode, about_it) == (0, []), done.stderr


def test_systemd_calls_it_confined() -> None:
    command = [require_systemd(), "security", "--offline=yes", f"--threshold={MOST_EXPOSED}"]
    done = subprocess.run([*command, str(UNIT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_its_settings_exist_and_name_the_folder_that_it_may_write_to() -> None:
    """They are in a file, where commands find them, too."""
    assert not re.search(r"^Environment=WATCHWORD_", TEXT, re.MULTILINE)
    given = dict(re.findall(r"^#   echo (WATCHWORD_\w+)=(\S*) >", TEXT, re.MULTILINE))
    settings = Settings.load(given)
    (state,) = re.findall(r"^StateDirectory=(.*)$", TEXT, re.MULTILINE)
    assert settings.data_dir == Path("/var/lib") / state


def test_its_user_is_told_to_be_made() -> None:
    (user,) = re.findall(r"^User=(.*)$", TEXT, re.MULTILINE)
    assert re.search(rf"^#   useradd .* {user}$", TEXT, re.MULTILINE)


def test_watchword_needs_no_memory_that_can_be_written_and_run(tmp_path: Path) -> None:
    """As MemoryDenyWriteExecute has it, which Linux can be told directly from 6.3 on."""
    if subprocess.run([*FORBIDDING, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this kernel does not forbid memory that can be written and run")
    both = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)"
    tried = [*FORBIDDING, sys.executable, "-c", both]
    assert b"PermissionError" in subprocess.run(tried, capture_output=True, check=False).stderr

    port = free_port()
    command = [*FORBIDDING, *WATCHWORD, "serve", "--host", "127.0.0.1", "--port", str(port)]
    with process(command, tmp_path, port, {"PATH": os.defpath, "PYTHONPATH": str(ROOT / "src")}):
        follow(f"http://127.0.0.1:{port}", tmp_path)
