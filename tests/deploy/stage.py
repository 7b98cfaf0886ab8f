"""The cluster as a script drives it: started by its command, told of by its lines of JSON."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from deploy.cluster.postgres import find_programs
from deploy.cluster.proxies import find
from tests.proof.processes import end_with_parent

ROOT = Path(__file__).parents[2]
IS_NEEDED = "CI" in os.environ  # noqa: TID251  there nothing is skipped
_SETTINGS = {
    "WATCHWORD_LIMIT_AUTH": "off",
    "WATCHWORD_LIMIT_SIGN_IN": "off",
    "WATCHWORD_MAX_SESSIONS": "100",
}


@dataclass(frozen=True, slots=True)
class Running:
    """``processes``: ids by name, as of the last event."""

    url: str
    proxy: str
    processes: dict[str, int]
    events: IO[str]

    @property
    def nodes(self) -> list[str]:
        return sorted(name for name in self.processes if name.startswith("node"))

    @property
    def told(self) -> str:
        """What the proxy has said last."""
        log = Path(f"/proc/{self.processes[self.proxy]}/cwd/log")
        return log.read_text("utf-8", "replace")[-3_000:]

    def kill(self, name: str) -> None:
        """As a machine that loses its power; it is started again."""
        os.kill(self.processes[name], signal.SIGKILL)

    def wait_until_back(self, name: str) -> None:
        for event in self._until("ready", name):
            self.processes[event["name"]] = event["pid"]

    def _until(self, state: str, name: str) -> Iterator[dict[str, Any]]:
        for line in self.events:
            event: dict[str, Any] = json.loads(line)
            yield event
            if (event["event"], event.get("name")) == (state, name):
                return
        raise AssertionError(f"the cluster has ended before {name} was {state}")


def require(*programs: str) -> None:
    """Skip where something is not installed, and say so; fail in CI."""
    missing = [name for name in programs if find(name) is None]
    if find_programs() is None:
        missing.append("postgresql")
    if not missing:
        return
    told = f"THE PROOF OF THE CLUSTER IS LEFT OUT: {', '.join(missing)} is not installed"
    if IS_NEEDED:
        pytest.fail(told)
    pytest.skip(told)


@contextmanager
def a_cluster(folder: Path, proxy: str, *more: str) -> Iterator[Running]:
    """``more`` are options of the command."""
    with (folder / "cluster.log").open("w") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "deploy.cluster",
                "--json",
                "--port",
                "0",
                "--proxy",
                proxy,
                *more,
            ],
            cwd=ROOT,
            env={
                "PATH": os.defpath,
                "PYTHONPATH": str(ROOT / "src"),
                "LC_ALL": "C.UTF-8",
                **_SETTINGS,
            },
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            bufsize=1,
            preexec_fn=end_with_parent,  # noqa: PLW1509  it only asks the kernel
        )
    with process:
        assert process.stdout is not None
        try:
            running = _serving(process.stdout, proxy, folder)
            yield running
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.read()
    assert process.returncode == 0, (folder / "cluster.log").read_text("utf-8")
    left = [name for name, pid in running.processes.items() if Path(f"/proc/{pid}").exists()]
    assert left == []


def _serving(events: IO[str], proxy: str, folder: Path) -> Running:
    for line in events:
        event = json.loads(line)
        if event["event"] == "serving":
            processes = {one["name"]: one["pid"] for one in event["services"]}
            return Running(event["url"], proxy, processes, events)
    raise AssertionError((folder / "cluster.log").read_text("utf-8"))
