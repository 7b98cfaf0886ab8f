"""``make cluster``: start everything, say where it is, keep it until Ctrl-C."""

import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import click

from deploy.cluster.postgres import a_cluster, find_programs, free_port
from deploy.cluster.proxies import FOLDER, PROXIES
from deploy.cluster.redis import a_redis
from deploy.cluster.services import ClusterFailed, News, Service

_SOURCES: Final = FOLDER.parent / "src"
_DATABASE: Final = "WATCHWORD_DATABASE_URL"
_REDIS: Final = "WATCHWORD_REDIS_URL"
_MOST_NODES: Final = 16


@click.command(context_settings={"max_content_width": 100})
@click.option("--nodes", type=click.IntRange(1, _MOST_NODES), default=3, show_default=True)
@click.option("--proxy", type=click.Choice(list(PROXIES)), default="nginx", show_default=True)
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True)
@click.option("--redis", is_flag=True, help="Count limits and lockouts in a Redis.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each event.")
def main(*, nodes: int, proxy: str, port: int, redis: bool, as_json: bool) -> None:
    """Serve with several nodes behind a proxy on http://localhost:8000, over a PostgreSQL of their
    own, in a folder that is removed at the end: for a look, and for tests.

    A node that dies is started again. WATCHWORD_… settings of the environment are handed to all
    nodes; WATCHWORD_DATABASE_URL names another database to use. Ctrl-C ends everything.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with a_folder() as folder, ExitStack() as stack:
            database = os.environ.get(_DATABASE) or _own_database(stack)
            ports = [free_port() for _ in range(nodes)]
            front = PROXIES[proxy](folder / proxy, port or free_port(), ports)
            settings = _settings(front.port, database)
            if redis:
                click.echo("Starting Redis …", err=True)
                settings[_REDIS] = stack.enter_context(a_redis(folder / "redis"))
            behind = [_node(folder, at, one, settings) for at, one in enumerate(ports, 1)]
            asyncio.run(serve(Screen(front, behind, as_json=as_json)))
    except ClusterFailed as failure:
        raise click.ClickException(str(failure)) from None
    except KeyboardInterrupt:
        click.echo("Ended before it had begun.", err=True)


@contextmanager
def a_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="watchword-cluster-") as name:
        yield Path(name)


def _own_database(stack: ExitStack) -> str:
    if find_programs() is None:
        raise ClusterFailed(f"Install Debian's postgresql, or name a database with {_DATABASE}.")
    click.echo("Starting PostgreSQL …", err=True)
    return stack.enter_context(a_cluster("watchword")).url


def _settings(port: int, database: str) -> dict[str, str]:
    """What all nodes have in common; the environment's own come first."""
    return {
        "WATCHWORD_PUBLIC_URL": f"http://localhost:{port}",
        "WATCHWORD_TRUSTED_PROXIES": "127.0.0.1",
        "WATCHWORD_SECRET": secrets.token_urlsafe(48),
        **os.environ,
        _DATABASE: database,
    }


def _node(folder: Path, number: int, port: int, settings: Mapping[str, str]) -> Service:
    name = f"node{number}"
    own = folder / name
    paths = os.pathsep.join(filter(None, (str(_SOURCES), settings.get("PYTHONPATH"))))
    return Service(
        name=name,
        command=[
            *(sys.executable, "-m", "watchword", "serve"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        folder=own,
        port=port,
        environment={**settings, "PYTHONPATH": paths, "WATCHWORD_DATA_DIR": str(own / "data")},
    )


async def serve(screen: "Screen") -> None:
    """Until a signal asks for the end."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    click.echo("Starting the nodes and the proxy …", err=True)
    try:
        async with asyncio.TaskGroup() as group:
            keeping = [group.create_task(one.keep(screen.tell)) for one in screen.services]
            await stop.wait()
            click.echo("Ending …", err=True)
            for task in keeping:
                task.cancel()
    except* ClusterFailed as failures:
        raise failures.exceptions[0] from None


class Screen:
    """How it goes is for standard error; standard output has where everything is once it serves,
    or with ``as_json`` each event, a line of JSON each.
    """

    def __init__(self, front: Service, behind: Sequence[Service], *, as_json: bool) -> None:
        self.services = (front, *behind)
        self._url = f"http://localhost:{front.port}"
        self._as_json = as_json
        self._ready: dict[str, int] = {}

    def tell(self, news: News) -> None:
        if self._as_json:
            click.echo(json.dumps({"event": news.state, "name": news.name, "pid": news.pid}))
        if news.state == "ended":
            click.echo(f"{news.name} (process {news.pid}) has ended: starting it again …", err=True)
            return
        click.echo(
            f"{news.name} (process {news.pid}) is ready after {news.seconds:.1f} s.", err=True
        )
        is_known = news.name in self._ready
        self._ready[news.name] = news.pid
        if not is_known and len(self._ready) == len(self.services):
            self._show()

    def _show(self) -> None:
        if self._as_json:
            places = [
                {"name": one.name, "url": one.url, "pid": self._ready[one.name]}
                for one in self.services
            ]
            told = {"event": "serving", "url": self._url, "services": places}
            click.echo(json.dumps(told))
            return
        click.echo(f"Serving on {self._url} (Ctrl-C ends everything)")
        for one in self.services:
            click.echo(f"  {one.name}  {one.url}  process {self._ready[one.name]}")
        logs = self.services[0].folder.parent / "*" / "log"
        click.echo(f"Logs, and the link for the first administrator: {logs}")


if __name__ == "__main__":
    main()
