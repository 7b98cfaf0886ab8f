"""Processes that are kept: each is started again when it ends, until the cluster does.

Invariant: only what was started here is ended here, by its own id.
"""

import asyncio
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final, Literal

import httpx2

_PATIENCE: Final = 30.0  # seconds, to begin and to end
_GLANCE: Final = 0.05  # seconds
_LAST_WORDS: Final = 2_000  # characters


class ClusterFailed(Exception):
    """What could not be started, with what it said; for whoever sits at the terminal."""


@dataclass(frozen=True, slots=True)
class News:
    """``seconds`` from its start, of a process that is ready."""

    name: str
    state: Literal["ready", "ended"]
    pid: int
    seconds: float


Tell = Callable[[News], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A command that serves HTTP on ``port`` of this machine, and is ready when `/health/ready`
    answers 200 there. What it prints goes to the file ``log`` of its ``folder``.
    """

    name: str
    command: Sequence[str]
    folder: Path
    port: int
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def keep(self, tell: Tell) -> None:
        """Until it is cancelled; then the process is asked to end, and has ended afterwards. Raise
        `ClusterFailed` when it ends before it was ready.
        """
        while True:
            began = perf_counter()
            process = await self._start()
            try:
                await self._become_ready(process)
                tell(News(self.name, "ready", process.pid, perf_counter() - began))
                await process.wait()
                tell(News(self.name, "ended", process.pid, 0))
            finally:
                await _end(process)

    async def _start(self) -> Process:
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                process_group=0,  # a Ctrl-C is for the cluster, which ends all in good order
            )

    async def _become_ready(self, process: Process) -> None:
        until = perf_counter() + _PATIENCE
        async with httpx2.AsyncClient(base_url=self.url, trust_env=False) as client:
            while not await _answers(client):
                if process.returncode is not None or perf_counter() > until:
                    said = (self.folder / "log").read_text("utf-8", "replace")[-_LAST_WORDS:]
                    raise ClusterFailed(f"{self.name} did not get ready:\n{said}")
                await asyncio.sleep(_GLANCE)


async def _answers(client: httpx2.AsyncClient) -> bool:
    try:
        return (await client.get("/health/ready")).status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
