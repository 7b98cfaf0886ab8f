"""`serve`: everything that can be wrong is said before the first request is taken."""

import asyncio
import errno
import ipaddress
import socket
from contextlib import ExitStack
from typing import Final
from urllib.parse import urlsplit

import click

from watchword import __version__
from watchword.bootstrap import open_core
from watchword.bootstrap.storage import storage_of
from watchword.cli.running import load_settings, require_folder, trace_of
from watchword.cli.server import serve_alone, serve_together, set_up_logs
from watchword.cli.setup_link import show_setup_link
from watchword.cli.terminal import examples, fail
from watchword.cli.upkeep import bring_up
from watchword.domain.errors import Conflict, Invalid
from watchword.ports import RequestTrace
from watchword.settings import Settings

_ABSENT: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_PORTS: Final = {"http": 80, "https": 443}


@click.command(
    epilog=examples(
        "watchword serve",
        "watchword serve --port 9000 --workers 2",
        "watchword serve --host 0.0.0.0   # in a container, behind a proxy that speaks TLS",
    )
)
@click.option(
    "--host", default="localhost", show_default=True, help="The address or name to listen on."
)
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes."
)
@click.pass_context
def serve(context: click.Context, *, host: str, port: int, workers: int) -> None:
    """Serve over HTTP, with one process or several.

    Works in an empty folder: the database and the secret are made in ./watchword-data, and a
    one-time link is printed that makes the first administrator. SIGTERM or Ctrl-C ends it once
    what has begun is done.
    """
    settings = load_settings()
    require_folder(settings.data_dir)
    with ExitStack() as stack:
        sockets = _listen_on(host, port, stack)
        database = str(asyncio.run(bring_up(storage_of(settings))))
        token = asyncio.run(_prepare(settings, trace_of(context)))
        address = _address(host, sockets[0].getsockname()[1])
        _greet(settings, address, database)
        if token is not None:
            show_setup_link(token, settings, served_at=address)
        set_up_logs(settings)
        if workers == 1:
            has_served = serve_alone(settings, sockets)
        else:
            has_served = serve_together(settings, sockets, workers)
    if not has_served:
        raise fail("The server could not start: the lines above say why.")


async def _prepare(settings: Settings, trace: RequestTrace) -> str | None:
    """What is to be done once, however many processes serve: keys, the administrator of the
    settings; or else the token of a set-up link.
    """
    core = await open_core(settings)
    try:
        await core.prepare()
        setup = core.services.setup
        return await setup.make_link(trace) if await setup.needs_admin() else None
    except Invalid as refusal:
        raise fail(f"WATCHWORD_ADMIN_PASSWORD: {refusal.detail}") from None
    except Conflict:
        raise fail(
            "WATCHWORD_ADMIN_EMAIL has an account that is no administrator: run"
            " `watchword admin create --email ADDRESS --promote`."
        ) from None
    finally:
        await core.close()


def _greet(settings: Settings, address: str, database: str) -> None:
    click.echo(f"Watchword {__version__} on {address} (Ctrl-C ends it)")
    click.echo(f"Data: {settings.data_dir}")
    click.echo(database)
    public = urlsplit(settings.public_url)
    port = public.port or _PORTS[public.scheme]
    if public.scheme == "https":
        click.echo(f"Browsers see it as {settings.public_url}, through your proxy.")
    elif port != urlsplit(address).port:
        click.echo(
            f"The public URL is {settings.public_url}: if browsers come to {address}, set"
            f" WATCHWORD_PUBLIC_URL={address}"
        )


def _address(host: str, port: int) -> str:
    try:
        meant = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if meant.is_unspecified:
        return f"http://localhost:{port}"
    return f"http://[{meant}]:{port}" if meant.version == 6 else f"http://{meant}:{port}"  # noqa: PLR2004


def _listen_on(host: str, port: int, stack: ExitStack) -> list[socket.socket]:
    try:
        return _bind(host, port, stack)
    except socket.gaierror:
        raise fail(f"{host} is no address here: give --host one of this machine's.") from None
    except (OSError, UnicodeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        advice = {
            errno.EADDRINUSE: "is taken by another program: end that, or choose another --port.",
            errno.EACCES: "is not for this user: choose a --port above 1023.",
            errno.EADDRNOTAVAIL: "is no address here: give --host one of this machine's.",
        }
        told_so = advice.get(number or 0, f"cannot be listened on ({error}): choose another.")
        raise fail(f"{host}, port {port}, {told_so}") from None


def _bind(host: str, port: int, stack: ExitStack) -> list[socket.socket]:
    """A socket for each address of ``host`` that this machine has, all on one port."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    missing: OSError | None = None
    for family, _, _, _, address in sorted(found, key=lambda one: one[0]):
        listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and len(found) > 1:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        chosen = bound[0].getsockname()[1] if bound else port
        try:
            listener.bind((address[0], chosen, *address[2:]))
            listener.listen()  # two binds may share a port, as long as neither listens
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            missing = error
        else:
            bound.append(listener)
    if missing is not None and not bound:
        raise missing
    return bound
