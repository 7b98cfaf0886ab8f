"""`serve` for real: processes, signals, sockets, and what is on the disk afterwards."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.cli.conftest import Operator
from tests.cli.test_doctor import set_schema
from watchword.cli import server as server_module
from watchword.domain.roles import ADMIN

PASSWORD = "correct horse battery staple"
ADA = {"email": "ada@example.com", "password": PASSWORD, "transport": "body"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class Running:
    """`watchword serve` as a process. Its log lines are read one by one: that is how to wait."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.seen: list[dict[str, Any]] = []

    def wait_for(self, event: str) -> dict[str, Any]:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            assert line.startswith("{"), line + self.process.stderr.read()
            self.seen.append(json.loads(line))
            if self.seen[-1]["event"] == event:
                return self.seen[-1]
        raise AssertionError(f"ended without {event}: {self.seen}")

    def call(self, method: str, path: str, token: str = "", **more: Any) -> httpx2.Response:
        """On a connection of its own, so that any worker may get it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.request(method, self.url + path, headers=headers, **more)

    def greeting(self) -> str:
        """Up to the last line of the link."""
        assert self.process.stdout is not None
        said = ""
        while "curl" not in said:
            said += self.process.stdout.readline()
        return said

    def stop(self, how: signal.Signals = signal.SIGTERM) -> str:
        """What was said on standard output."""
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, err
        assert "Traceback" not in err
        return out


@contextmanager
def serving(folder: Path, *, workers: int = 1, port: int | None = None) -> Iterator[Running]:
    """With the settings of this environment."""
    port = port or free_port()
    command = [sys.executable, "-m", "watchword", "serve", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--workers", str(workers)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            running = Running(process, port)
            for _ in range(workers):
                running.wait_for("ready")
            yield running
        finally:
            if process.poll() is None:
                process.kill()


def refused_start(folder: Path, *more: str) -> str:
    """What a start that fails says, as a process of its own."""
    command = [sys.executable, "-m", "watchword", "serve", *more]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


class TestOneProcess:
    def test_in_an_empty_folder_leads_to_an_administrator(self, operator: Operator) -> None:
        with serving(operator.folder) as server:
            health = server.call("GET", "/health")
            assert health.json()["status"] == "ok"
            assert "server" not in health.headers
            out = server.stop()
            assert server.url in out
            assert str(operator.folder / "watchword-data") in out
            (token,) = re.findall(r"/setup#token=([\w-]{43})\n", out)
            (call,) = re.findall(r"curl (\S+/auth/setup)", out)
            assert call == f"{server.url}/auth/setup"
        with serving(operator.folder) as server:
            first = server.call("POST", "/auth/setup", json={"token": token, **ADA})
            assert first.json()["code"] == "INVALID_OR_EXPIRED_LINK"  # a newer one was printed
            (token,) = re.findall(r"/setup#token=([\w-]{43})\n", server.greeting())
            answer = server.call("POST", "/auth/setup", json={"token": token, **ADA})
            assert answer.json()["user"]["role"] == ADMIN
            server.stop()
        with serving(operator.folder) as server:
            assert "setup" not in server.stop()

    def test_has_what_it_acknowledged_on_the_disk_when_it_ends(self, operator: Operator) -> None:
        operator.add_account("root@example.com", role=ADMIN)
        with serving(operator.folder) as server:
            account = {"email": ADA["email"], "password": PASSWORD}
            assert server.call("POST", "/auth/register", json=account).status_code == 201
            answer = server.call("POST", "/auth/login", json=ADA).json()
            assert "setup" not in server.stop(signal.SIGINT)
        ada = operator.account("ada@example.com")
        assert ada is not None
        assert [one.id for one in operator.live_sessions(ada)] == [answer["session"]["id"]]

    def test_notices_at_once_what_a_command_does(self, operator: Operator) -> None:
        operator.add_account("root@example.com", role=ADMIN)
        with serving(operator.folder) as server:
            account = {"email": ADA["email"], "password": PASSWORD}
            server.call("POST", "/auth/register", json=account)
            answer = server.call("POST", "/auth/login", json=ADA).json()
            token = answer["accessToken"]
            assert server.call("GET", "/profile", token).status_code == 200
            operator("keys", "rotate")
            again = server.call(
                "POST", "/auth/refresh", json={"refreshToken": answer["refreshToken"]}
            ).json()
            signs = [
                k for k in operator("keys", "list", "--json").json["keys"] if k["state"] == "signs"
            ]
            assert _kid(again["accessToken"]) == signs[0]["kid"] != _kid(token)
            assert server.call("GET", "/profile", token).status_code == 200
            operator("sessions", "revoke", "--user", "ada@example.com")
            refused = server.call("GET", "/profile", again["accessToken"])
            assert (refused.status_code, refused.json()["code"]) == (401, "SESSION_REVOKED")
            server.stop()

    def test_makes_the_administrator_of_the_settings(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_ADMIN_EMAIL", "root@example.com")
        monkeypatch.setenv("WATCHWORD_ADMIN_PASSWORD", PASSWORD)
        with serving(operator.folder) as server:
            out = server.stop()
        assert "setup" not in out
        assert PASSWORD not in out + json.dumps(server.seen)
        account = operator.account("root@example.com")
        assert account is not None
        assert account.role == ADMIN


class TestSeveralProcesses:
    def test_serve_on_when_one_dies_and_agree_on_what_was_revoked(self, operator: Operator) -> None:
        operator.add_account("root@example.com", role=ADMIN)
        with serving(operator.folder, workers=2) as server:
            account = {"email": ADA["email"], "password": PASSWORD}
            server.call("POST", "/auth/register", json=account)
            answer = server.call("POST", "/auth/login", json=ADA).json()
            token = answer["accessToken"]
            lost = next(line["pid"] for line in server.seen if line["event"] == "ready")
            os.kill(lost, signal.SIGKILL)
            assert server.wait_for("worker_replaced")["pid"] == lost
            server.wait_for("ready")
            assert {server.call("GET", "/profile", token).status_code for _ in range(20)} == {200}
            assert server.call("POST", "/auth/logout", token, json={}).status_code == 200
            assert {server.call("GET", "/profile", token).status_code for _ in range(20)} == {401}
            figures = server.call("GET", "/metrics").text
            assert 'watchword_requests_total{route="/profile",status="401"}' in figures
            server.stop()

    def test_end_with_their_parent(self, operator: Operator) -> None:
        with serving(operator.folder, workers=2) as server:
            server.process.kill()
            assert server.process.stderr is not None
            told = [json.loads(line)["event"] for line in server.process.stderr]
            assert told.count("stopped") == 2
        with pytest.raises(httpx2.ConnectError):
            server.call("GET", "/health")

    def test_leave_no_figures_to_those_after_them(self, tmp_path: Path) -> None:
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        for process in (gone.pid, os.getppid(), os.getpid()):
            (tmp_path / str(process)).mkdir()
            (tmp_path / str(process) / "counter_1.db").touch()
        folder = server_module._make_figures_folder(tmp_path)
        assert folder == tmp_path / str(os.getpid())
        assert list(folder.iterdir()) == []
        assert sorted(tmp_path.iterdir()) == sorted([folder, tmp_path / str(os.getppid())])


class TestTheEnd:
    """What a balancer and those under way see of it."""

    BODY = json.dumps({"email": ADA["email"], "password": PASSWORD}).encode()

    def half_a_request(self, server: Running) -> socket.socket:
        """Whose head has been read, as its answer to ``Expect`` proves."""
        port = urlsplit(server.url).port or 0
        under_way = socket.create_connection(("127.0.0.1", port), timeout=20)
        head = (
            "POST /auth/register HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self.BODY)}\r\n\r\n"
        )
        under_way.sendall(head.encode())
        assert b" 100 " in under_way.recv(1_000)
        return under_way

    def test_lets_a_request_under_way_finish(self, operator: Operator) -> None:
        operator.add_account("root@example.com", role=ADMIN)
        with serving(operator.folder) as server, self.half_a_request(server) as under_way:
            server.process.send_signal(signal.SIGTERM)
            server.wait_for("leaving")
            under_way.sendall(self.BODY)
            assert under_way.recv(1_000).startswith(b"HTTP/1.1 201 ")
            server.wait_for("stopped")
            assert server.process.wait(timeout=30) == 0

    @pytest.mark.parametrize("workers", [1, 2])
    def test_is_announced_where_balancers_look_while_all_are_served(
        self, workers: int, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_SHUTDOWN_DELAY", "4s")
        operator.add_account("root@example.com", role=ADMIN)
        with serving(operator.folder, workers=workers) as server:
            assert server.call("GET", "/health/ready").status_code == 200
            server.process.send_signal(signal.SIGTERM)
            for _ in range(workers):
                server.wait_for("leaving")
            answer = server.call("GET", "/health/ready")
            assert (answer.status_code, answer.json()) == (503, {"status": "leaving", "checks": {}})
            assert server.call("GET", "/health/live").status_code == 200
            account = {"email": ADA["email"], "password": PASSWORD}
            assert server.call("POST", "/auth/register", json=account).status_code == 201
            for _ in range(workers):
                server.wait_for("stopped")
            assert server.process.wait(timeout=30) == 0

    def test_is_at_once_for_who_presses_ctrl_c(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_SHUTDOWN_DELAY", "10m")
        operator.add_account("root@example.com", role=ADMIN)
        with serving(operator.folder) as server:
            server.stop(signal.SIGINT)


class TestAStartThatFails:
    def test_on_a_taken_port_says_what_to_do(self, operator: Operator) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            told = refused_start(operator.folder, "--port", port)
        assert told == (
            f"Error: localhost, port {port}, is taken by another program: end that, or choose"
            " another --port.\n"
        )

    def test_on_an_address_of_another_machine_says_what_to_do(self, operator: Operator) -> None:
        told = refused_start(operator.folder, "--host", "192.0.2.1", "--port", "0")
        assert "192.0.2.1, port 0, is no address here: give --host one" in told

    def test_in_a_folder_that_cannot_be_written_says_which(self, operator: Operator) -> None:
        (operator.folder / "watchword-data").touch()
        told = refused_start(operator.folder, "--port", "0")
        assert str(operator.folder / "watchword-data") in told
        assert "WATCHWORD_DATA_DIR" in told

    def test_with_settings_that_cannot_be_used_names_them(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_SECRET", "too short")
        monkeypatch.setenv("WATCHWORD_PUBIC_URL", "https://example.com")
        told = refused_start(operator.folder, "--port", "0")
        assert "WATCHWORD_SECRET: Use 32 bytes or more" in told
        assert "Did you mean WATCHWORD_PUBLIC_URL?" in told
        assert list(operator.folder.iterdir()) == []

    def test_on_a_newer_schema_says_so(self, operator: Operator) -> None:
        operator("migrate")
        set_schema(operator.folder / "watchword-data" / "watchword.db", "9999")
        assert "newer version" in operator.refused("serve", "--port", "0")

    def test_on_something_that_is_no_database_says_so(self, operator: Operator) -> None:
        operator("migrate")
        (operator.folder / "watchword-data" / "watchword.db").write_bytes(b"no database" * 999)
        assert "not a SQLite database" in operator.refused("serve", "--port", "0")

    def test_with_another_secret_than_that_of_the_keys_says_so(self, operator: Operator) -> None:
        operator("keys", "rotate")
        (operator.folder / "watchword-data" / "secret").write_text("y" * 48)
        assert "WATCHWORD_SECRET=new,former" in operator.refused("serve", "--port", "0")

    @pytest.mark.parametrize(
        ("password", "words"), [("short", "12 characters"), (PASSWORD, "--promote")]
    )
    def test_with_an_administrator_who_cannot_be_made_names_the_setting(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch, password: str, words: str
    ) -> None:
        operator.add_account("ada@example.com")
        monkeypatch.setenv("WATCHWORD_ADMIN_EMAIL", "ada@example.com")
        monkeypatch.setenv("WATCHWORD_ADMIN_PASSWORD", password)
        told = operator.refused("serve", "--port", "0")
        assert "WATCHWORD_ADMIN_" in told
        assert words in told


def _kid(token: str) -> str:

    head = token.split(".", maxsplit=1)[0]
    return str(json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])
