"""The proxies' configurations, as they are shipped, read by the proxies themselves."""

import re
import subprocess
from pathlib import Path

import pytest
import trustme

from deploy.cluster.proxies import find
from tests.deploy.stage import IS_NEEDED, ROOT
from watchword.domain.time import SECOND
from watchword.settings import Settings

FOLDER = ROOT / "deploy"
NGINX = (FOLDER / "nginx.conf").read_text("utf-8")
CADDY = (FOLDER / "Caddyfile").read_text("utf-8")


def require(program: str) -> str:
    found = find(program)
    if found is None:
        told = f"THE PROOF OF {program.upper()}'S CONFIGURATION IS LEFT OUT: it is not installed"
        (pytest.fail if IS_NEEDED else pytest.skip)(told)
    return found or ""


def test_nginx_takes_its_own(tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("auth.example.com")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "pem"))
    text = re.sub(r"/etc/ssl/\S+\.(pem|key);", f"{tmp_path / 'pem'};", NGINX)
    text = re.sub(r"node\d:8000", "127.0.0.1:8000", text)  # names that an engine would know
    logs = f"error_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{text}}}\n"
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path / 'pid'};\n{logs}")
    command = [require("nginx"), "-t", "-q", "-p", str(tmp_path), "-e", "stderr"]
    done = subprocess.run(
        [*command, "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("site", ["", "https://auth.example.com"])
def test_caddy_takes_its_own(tmp_path: Path, site: str) -> None:
    environment = {"HOME": str(tmp_path)} | ({"WATCHWORD_SITE": site} if site else {})
    command = [require("caddy"), "validate", "--adapter", "caddyfile", "--config"]
    done = subprocess.run(
        [*command, str(FOLDER / "Caddyfile")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not re.search(r'"level":"(warn|error)"', done.stderr), done.stderr


def test_nobody_is_asked_for_a_refresh_again_when_the_grace_may_be_over() -> None:
    grace = Settings.load({}).refresh_grace / SECOND
    patience = [
        re.findall(r"proxy_next_upstream_timeout (\d+)s;", NGINX),
        re.findall(r"lb_try_duration (\d+)s", CADDY),
    ]
    assert all(len(found) == 1 and int(found[0]) <= grace / 2 for found in patience)
    # What is still being waited for then is not given up for another: it would be asked too late.
    slow = [
        re.findall(r"proxy_read_timeout (\d+)s;", NGINX),
        re.findall(r"response_header_timeout (\d+)s", CADDY),
    ]
    assert all(len(found) == 1 and int(found[0]) > grace for found in slow)


def test_of_what_is_posted_only_a_refresh_is_asked_for_twice() -> None:
    (location,) = re.findall(r"location = (\S+) \{[^}]*non_idempotent", NGINX)
    assert location == "/auth/refresh"
    assert NGINX.count("non_idempotent") == 1
    retried = re.findall(r"lb_retry_match \{\s+method (.*)\n(?:\s+path (.*)\n)?", CADDY)
    assert retried == [("GET HEAD", ""), ("POST", "/auth/refresh")]
