"""The fences of conftest.py stand: no setting of this machine gets in, no connection gets out."""

import os
import socket

import pytest


class TestTheNetwork:
    def test_another_machine_is_out_of_reach(self) -> None:
        with socket.socket() as caller, pytest.raises(RuntimeError, match="the network"):
            caller.connect(("192.0.2.1", 443))

    def test_a_name_of_another_machine_is_not_looked_up(self) -> None:
        with pytest.raises(RuntimeError, match="the network"):
            socket.getaddrinfo("example.com", 443)

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_its_own_machine_is_in_reach(self, host: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with socket.create_connection((host, port)) as caller:
                assert caller.getpeername()[1] == port


class TestTheEnvironment:
    def test_no_setting_leaks_in(self) -> None:
        settings = [name for name in os.environ if name.startswith("WATCHWORD_")]
        assert [name for name in settings if not name.startswith("WATCHWORD_TEST_")] == []
