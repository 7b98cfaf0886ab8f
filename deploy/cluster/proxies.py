"""The proxy in front: an installation's own configuration, with this machine's places in it."""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.cluster.services import ClusterFailed, Service

FOLDER: Final = Path(__file__).parent.parent
_SYSTEM: Final = "/usr/sbin:/usr/local/sbin"  # where Debian has some of them, and only root looks


def find(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path=_SYSTEM)


def nginx(folder: Path, port: int, nodes: Sequence[int]) -> Service:
    """As in ``deploy/nginx.conf``, but for places and TLS."""
    own = (FOLDER / "nginx.conf").read_text("utf-8")
    own = re.sub(r" +ssl_certificate.*\n", "", own)
    template = re.search(r" +server node1:8000(.*\n)", own)
    assert template is not None
    servers = "".join(f"    server 127.0.0.1:{node}{template[1]}" for node in nodes)
    own = re.sub(r"( +server node\d:8000.*\n)+", servers, own)
    own = _put(own, {"listen 443 ssl;": f"listen 127.0.0.1:{port};"})
    own = _put(own, {"server_name auth.example.com;": "server_name localhost;"})
    paths = "".join(
        f"{name}_temp_path {folder / name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    folder.mkdir()
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder / 'pid'};\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{paths}{own}}}\n"
    )
    command = [_get("nginx"), "-p", str(folder), "-e", "stderr", "-c", "nginx.conf"]
    return Service(name="nginx", command=command, folder=folder, port=port, environment={})


def caddy(folder: Path, port: int, nodes: Sequence[int]) -> Service:
    """As in ``deploy/Caddyfile``, but for places and TLS."""
    own = _put((FOLDER / "Caddyfile").read_text("utf-8"), {"\ttls internal\n": ""})
    apart = f"{{\n\tadmin off\n\tdefault_bind 127.0.0.1\n\tstorage file_system {folder}\n}}\n"
    folder.mkdir()
    (folder / "Caddyfile").write_text(apart + own)
    environment = {
        "WATCHWORD_SITE": f"http://localhost:{port}, http://127.0.0.1:{port}",
        "WATCHWORD_NODES": " ".join(f"127.0.0.1:{node}" for node in nodes),
        **dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(folder)),
    }
    command = [_get("caddy"), "run"]
    return Service(name="caddy", command=command, folder=folder, port=port, environment=environment)


PROXIES: Final[Mapping[str, Callable[[Path, int, Sequence[int]], Service]]] = {
    "nginx": nginx,
    "caddy": caddy,
}


def _put(text: str, replacements: Mapping[str, str]) -> str:
    for former, new in replacements.items():
        assert former in text, former
        text = text.replace(former, new)
    return text


def _get(program: str) -> str:
    found = find(program)
    if found is None:
        raise ClusterFailed(f"{program} is not installed: install it, or choose another --proxy.")
    return found
