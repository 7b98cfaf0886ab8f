"""The log: one record per event, nothing secret in it, whatever it is given."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from watchword.adapters.structlog import Form, configure
from watchword.crypto.secret import Secret

CANARY = "c4n4ry-9f8e7d6c5b4a"
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"

Configure = Callable[..., io.StringIO]


@pytest.fixture
def configured() -> Iterator[Configure]:
    undo: list[Callable[[], None]] = []

    def do(form: Form = "json", level: str = "info") -> io.StringIO:
        stream = io.StringIO()
        undo.append(configure(form, level, stream))
        return stream

    yield do
    for restore in reversed(undo):
        restore()


def records(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def record(stream: io.StringIO) -> dict[str, Any]:
    (only,) = records(stream)
    return only


class TestAJsonRecord:
    def test_says_when_how_grave_and_what(self, configured: Configure) -> None:
        stream = configured()
        structlog.get_logger().warning("session.ended", reason="revoked", count=2)
        written = record(stream)
        assert list(written) == ["time", "level", "event", "reason", "count"]
        assert written["time"].endswith("Z")
        assert (written["level"], written["event"]) == ("warning", "session.ended")
        assert (written["reason"], written["count"]) == ("revoked", 2)

    def test_carries_what_its_request_bound(self, configured: Configure) -> None:
        stream = configured()
        with structlog.contextvars.bound_contextvars(request_id="r-1"):
            structlog.get_logger().info("inside")
        structlog.get_logger().info("outside")
        inside, outside = records(stream)
        assert inside["request_id"] == "r-1"
        assert "request_id" not in outside

    def test_holds_plain_values_alone(self, configured: Configure) -> None:
        class Word(StrEnum):
            ONE = "one"

        @dataclass
        class Thing:
            inside: str = CANARY

        stream = configured()
        structlog.get_logger().info("values", word=Word.ONE, path=Path("/a"), thing=Thing())
        structlog.get_logger().info("values", ip=ip_address("::1"), raw=CANARY.encode())
        structlog.get_logger().info("values", nan=float("nan"), huge=10**5_000)
        structlog.get_logger().info("values", both={1: (2, None)}, error=ValueError("why"))
        assert CANARY not in stream.getvalue()
        assert [list(written.values())[3:] for written in records(stream)] == [
            ["one", "/a", "<Thing>"],
            ["::1", "<bytes>"],
            ["nan", "<integer>"],
            [{"1": [2, None]}, "ValueError: why"],
        ]

    def test_has_an_end(self, configured: Configure) -> None:
        loop: list[object] = []
        loop.append(loop)
        stream = configured()
        structlog.get_logger().info("x" * 100_000, loop=loop, many=list(range(10_000)))
        assert len(stream.getvalue()) < 20_000

    def test_tells_of_an_exception_without_its_variables(self, configured: Configure) -> None:
        """X10"""
        stream = configured()
        self._fail(CANARY[:6] + CANARY[6:])
        written = record(stream)
        assert "ZeroDivisionError" in written["exception"]
        assert "_fail" in written["exception"]
        assert CANARY not in stream.getvalue()

    @staticmethod
    def _fail(variable: str) -> None:
        try:
            len(variable) / 0
        except ZeroDivisionError:
            structlog.get_logger().exception("failed")


HOSTILE = 'ok\n{"level":"info","event":"forged"}\r\n\x1b[2J\x9b31m\u2028\u202e\x00\ud800'


class TestForging:
    """I08"""

    @pytest.mark.parametrize("form", ["json", "console"])
    def test_i08_makes_no_second_record_and_no_escape(
        self, form: Form, configured: Configure
    ) -> None:
        stream = configured(form)
        structlog.get_logger().info(HOSTILE, user_agent=HOSTILE, **{HOSTILE: HOSTILE})
        (line,) = stream.getvalue().splitlines()
        assert line.isprintable()

    @pytest.mark.parametrize("form", ["json", "console"])
    def test_i08_holds_for_libraries_as_well(self, form: Form, configured: Configure) -> None:
        stream = configured(form)
        logging.getLogger("library").error("said %s", HOSTILE)
        (line,) = stream.getvalue().splitlines()
        assert line.isprintable()

    @given(st.text(max_size=50), st.text(max_size=50), st.sampled_from(["json", "console"]))
    def test_i08_holds_for_any_text(self, event: str, value: str, form: Form) -> None:
        stream = io.StringIO()
        restore = configure(form, "info", stream)
        try:
            structlog.get_logger().info(event, value=value)
        finally:
            restore()
        (line,) = stream.getvalue().splitlines()
        assert line.isprintable()

    def test_i08_a_traceback_on_a_terminal_is_indented(self, configured: Configure) -> None:
        stream = configured("console")
        error = ValueError("first\n12:00:00.000 info     forged\x1b[31m")
        structlog.get_logger().error("failed", exc_info=error)
        head, *rest = stream.getvalue().splitlines()
        assert "error" in head
        assert all(line.startswith("    ") and line.isprintable() for line in rest)


class TestSecrets:
    @pytest.mark.parametrize(
        "name",
        [
            *("password", "newPassword", "password_hash", "token", "refreshToken", "access_token"),
            *("secret", "cookie", "set_cookie", "Authorization", "authorisation", "credential"),
            *("code", "mfaCode", "recovery_code", "backup_codes", "otp", "csrf", "api_key"),
        ],
    )
    def test_are_hidden_by_their_name(self, name: str, configured: Configure) -> None:
        stream = configured()
        structlog.get_logger().info("x", **{name: CANARY, "inner": {"list": [{name: [CANARY]}]}})
        written = record(stream)
        assert written[name] == "<hidden>"
        assert CANARY not in stream.getvalue()

    @pytest.mark.parametrize("name", ["status_code", "error_code", "author", "prototype", "route"])
    def test_are_not_what_merely_sounds_alike(self, name: str, configured: Configure) -> None:
        stream = configured()
        structlog.get_logger().info("x", **{name: "shown"})
        assert record(stream)[name] == "shown"

    def test_may_be_told_to_be_there_or_not(self, configured: Configure) -> None:
        stream = configured()
        structlog.get_logger().info("x", metrics_token=None, has_password=True)
        assert record(stream)["metrics_token"] is None
        assert record(stream)["has_password"] is True

    @pytest.mark.parametrize("form", ["json", "console"])
    @pytest.mark.parametrize(
        "text",
        [
            f"got Authorization: Bearer {CANARY}",
            f"GET /cb?state=1&code={CANARY} HTTP/1.1",
            f"/reset-password#token={CANARY}",
            f"bad token {JWT}",
        ],
    )
    def test_are_hidden_inside_a_text(self, text: str, form: Form, configured: Configure) -> None:
        stream = configured(form)
        logging.getLogger("uvicorn.access").info(text)
        structlog.get_logger().info(text, said=text, error=ValueError(text))
        structlog.get_logger().error("failed", exc_info=ValueError(text))
        assert CANARY not in stream.getvalue()
        assert JWT[10:30] not in stream.getvalue()
        assert "<hidden>" in stream.getvalue()

    def test_of_their_own_type_are_hidden_under_any_name(self, configured: Configure) -> None:
        stream = configured()
        structlog.get_logger().info("x", fine=Secret(CANARY.encode()))
        assert record(stream)["fine"] == "<hidden>"


class TestAConsoleLine:
    def test_is_read_by_people(self, configured: Configure) -> None:
        stream = configured("console")
        structlog.get_logger().info("request", route="/profile", agent="a b", empty="", n=[1])
        line = stream.getvalue().rstrip("\n")
        assert line[12:] == ' info     request route=/profile agent="a b" empty="" n=[1]'

    def test_is_written_on_a_terminal_that_knows_ascii_only(self) -> None:
        inner = io.BytesIO()
        terminal = io.TextIOWrapper(inner, encoding="ascii")
        restore = configure("console", "info", terminal)
        structlog.get_logger().info("grüße")
        restore()
        assert b"gr\\xfc\\xdfe" in inner.getvalue()


class TestLibraries:
    def test_come_out_the_same_way(self, configured: Configure) -> None:
        stream = configured()
        logging.getLogger("uvicorn.error").warning("took %d s", 3)
        written = record(stream)
        assert (written["event"], written["logger"]) == ("took 3 s", "uvicorn.error")
        assert written["level"] == "warning"

    def test_may_have_levels_of_their_own(self, configured: Configure) -> None:
        stream = configured("json", "debug")
        logging.getLogger("library").log(25, "between")
        logging.getLogger("library").log(99, "above")
        assert [written["level"] for written in records(stream)] == ["info", "critical"]

    def test_may_give_arguments_that_do_not_fit(self, configured: Configure) -> None:
        stream = configured()
        logging.getLogger("library").error("%s %s", "one")  # noqa: PLE1206  the slip
        assert record(stream)["event"] == "%s %s"

    def test_tell_of_their_exceptions(self, configured: Configure) -> None:
        stream = configured()
        logging.getLogger("library").error("failed", exc_info=KeyError("gone"))
        assert "KeyError: 'gone'" in record(stream)["exception"]


class TestLogging:
    def test_leaves_out_what_is_below_its_level(self, configured: Configure) -> None:
        stream = configured("json", "warning")
        structlog.get_logger().info("quiet")
        logging.getLogger("library").info("quiet")
        structlog.get_logger().warning("heard")
        assert record(stream)["event"] == "heard"

    def test_puts_back_what_it_found(self) -> None:
        before = structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level
        configure("json", "debug", io.StringIO())()
        after = structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level
        assert before == after

    def test_done_twice_writes_once(self, configured: Configure) -> None:
        first, second = configured(), configured()
        logging.getLogger("library").error("once")
        assert first.getvalue() == ""
        assert record(second)["event"] == "once"

    def test_never_stops_a_request(self, configured: Configure) -> None:
        class Rude(Exception):
            def __str__(self) -> str:
                raise RuntimeError(self)

        stream = configured()
        structlog.get_logger().info("x", error=Rude())
        assert record(stream)["error"] == "<Rude>"
        stream.close()
        structlog.get_logger().info("into a closed pipe")
