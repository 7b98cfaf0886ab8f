"""What stands around a real proxy: Watchword as a process, a site that tells what it was sent, and
the proxy with the very configuration that the documents show.
"""

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, NamedTuple

from tests.cli.test_serve import free_port

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "forward-auth.md"
ADMIN: Final = "root@example.com"
PASSWORD: Final = "correct horse battery staple"
_PATIENCE: Final = 300  # glances
_GLANCE: Final = 0.1  # seconds


class Ports(NamedTuple):
    proxy: int
    watchword: int
    site: int


class Site(BaseHTTPRequestHandler):
    """Answers with the method, the headers and the body that reached it."""

    def _tell(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = {
            "method": self.command,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": body.decode(),
        }
        content = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _tell  # noqa: N815  the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Nobody reads it."""


@contextmanager
def site(port: int) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", port), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def process(
    command: Sequence[str], folder: Path, port: int, environ: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Runs until the end of the block, which begins when ``port`` takes connections."""
    log = folder / "output"
    with log.open("wb") as output:
        running = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env=environ
        )
    try:
        _wait_for(port, running, log)
        yield
    finally:
        running.terminate()
        running.wait(timeout=30)


def _wait_for(port: int, running: "subprocess.Popen[bytes]", log: Path) -> None:
    turn = threading.Event()
    for _ in range(_PATIENCE):
        assert running.poll() is None, log.read_text()
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        turn.wait(_GLANCE)
    raise AssertionError(log.read_text())


@contextmanager
def watchword(folder: Path, ports: Ports, environ: Mapping[str, str]) -> Iterator[None]:
    settings = {
        "WATCHWORD_PUBLIC_URL": f"http://localhost:{ports.proxy}",
        "WATCHWORD_TRUSTED_PROXIES": "127.0.0.1",
        "WATCHWORD_ADMIN_EMAIL": ADMIN,
        "WATCHWORD_ADMIN_PASSWORD": PASSWORD,
    }
    command = [sys.executable, "-m", "watchword", "serve", "--host", "127.0.0.1"]
    command += ["--port", str(ports.watchword)]
    with process(command, folder, ports.watchword, {**environ, **settings}):
        yield


def documented(name: str) -> str:
    """The configuration that stands in the document."""
    text = DOCUMENT.read_text("utf-8")
    match = re.search(
        rf"<!-- {name}: begin -->\n```\w+\n(.*?)```\n<!-- {name}: end -->", text, re.DOTALL
    )
    assert match is not None
    return match[1]


def put(text: str, replacements: Mapping[str, str]) -> str:
    """Each is in ``text``, or the document has changed and this test has to."""
    for former, new in replacements.items():
        assert former in text, former
        text = text.replace(former, new)
    return text


def _at(ports: Ports) -> dict[str, str]:
    return {
        "127.0.0.1:8000": f"127.0.0.1:{ports.watchword}",
        "127.0.0.1:9000": f"127.0.0.1:{ports.site}",
    }


@contextmanager
def nginx(folder: Path, ports: Ports) -> Iterator[None]:
    """As documented, but for its ports, and TLS, which is none of this."""
    own = re.sub(r" +ssl_certificate.*\n", "", documented("nginx"))
    own = put(own, {**_at(ports), "listen 443 ssl;": f"listen 127.0.0.1:{ports.proxy};"})
    own = put(own, {"server_name app.example.com;": "server_name localhost;"})
    paths = "".join(
        f"{name}_temp_path {folder / name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder / 'pid'};\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{paths}{own}}}\n"
    )
    command = [find("nginx"), "-p", str(folder), "-e", "stderr", "-c", "nginx.conf"]
    with process(command, folder, ports.proxy):
        yield


@contextmanager
def caddy(folder: Path, ports: Ports) -> Iterator[None]:
    """As documented, but for its ports and TLS."""
    address = f"http://localhost:{ports.proxy} {{\n\tbind 127.0.0.1"
    own = put(documented("caddy"), {**_at(ports), "app.example.com {": address})
    apart = f"{{\n\tadmin off\n\tstorage file_system {folder}\n}}\n"
    (folder / "Caddyfile").write_text(apart + own)
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with process([find("caddy"), "run"], folder, ports.proxy, home):
        yield


def find(program: str) -> str:
    """Debian has some of them where only root looks."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    assert found is not None, f"{program} is not installed"
    return found


def is_here(program: str) -> bool:
    return bool(shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin"))


def new_ports() -> Ports:
    return Ports(free_port(), free_port(), free_port())
