"""The operator's own door to the first administrator."""

import os
import pty
import re
import subprocess
import sys

import pytest

from tests.adapters.breaches.server import digest_of
from tests.cli.conftest import Operator
from watchword.domain.accounts import Status
from watchword.domain.roles import ADMIN, USER

PASSWORD = "correct horse battery staple\n"
ADA = ("admin", "create", "--email", "ada@example.com")


class TestCreate:
    def test_makes_an_administrator_with_a_password_from_standard_input(
        self, operator: Operator
    ) -> None:
        operator(*ADA, stdin=PASSWORD * 2)
        account = operator.account("ada@example.com")
        assert account is not None
        assert account.role == ADMIN
        event = operator.events()[0]
        assert (event["type"], event["userAgent"]) == (
            "account.registered",
            "command: watchword admin create",
        )

    def test_asks_twice_on_a_terminal_and_shows_nothing(self, operator: Operator) -> None:
        ours, theirs = pty.openpty()
        command = [sys.executable, "-W", "error", "-m", "watchword", *ADA]
        with subprocess.Popen(
            command, cwd=operator.folder, stdin=theirs, stdout=theirs, stderr=theirs
        ) as program:
            os.close(theirs)
            said = ""
            for question in ("Password: ", "The same again: "):
                while not said.endswith(question):
                    said += os.read(ours, 1_000).decode()
                os.write(ours, PASSWORD.encode())
        os.close(ours)
        assert program.returncode == 0
        assert PASSWORD.strip() not in said
        assert operator.account("ada@example.com") is not None

    def test_refuses_two_passwords_and_none(self, operator: Operator) -> None:
        for stdin in ("one of them is long enough\nthe other one as well\n", ""):
            assert "on one line" in operator.refused(*ADA, stdin=stdin)
        assert operator.account("ada@example.com") is None

    def test_refuses_a_password_that_the_rules_refuse(self, operator: Operator) -> None:
        assert "12 characters" in operator.refused(*ADA, stdin="short\n")

    def test_refuses_a_password_from_a_breach(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (operator.folder / "hashes").write_text(f"{digest_of(PASSWORD.strip())}:3\n")
        monkeypatch.setenv("WATCHWORD_BREACH_FILE", "hashes")
        assert "data breach" in operator.refused(*ADA, stdin=PASSWORD)
        assert operator.account("ada@example.com") is None
        operator(*ADA, stdin="a phrase that was not stolen\n")

    def test_says_what_to_do_about_a_list_that_is_missing(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_BREACH_FILE", "hashes")
        said = operator.refused(*ADA, stdin=PASSWORD)
        assert str(operator.folder / "hashes") in said
        assert "leave WATCHWORD_BREACH_FILE out" in said
        assert not (operator.folder / "watchword-data" / "watchword.db").exists()

    def test_leaves_an_account_that_exists_as_it_is(self, operator: Operator) -> None:
        operator.add_account("ada@example.com")
        assert "--promote" in operator.refused(*ADA, stdin=PASSWORD)
        account = operator.account("ADA@example.com")
        assert account is not None
        assert account.role == USER

    def test_promotes_one_when_told_to(self, operator: Operator) -> None:
        operator.add_account("ada@example.com")
        operator(*ADA, "--promote")
        account = operator.account("ada@example.com")
        assert account is not None
        assert account.role == ADMIN
        event = operator.events("--type", "account.role_changed")[0]
        assert event["actor"] is None
        assert event["details"] == {"before": "user", "after": "admin"}

    def test_promotes_nobody_who_is_not_there_or_disabled(self, operator: Operator) -> None:
        assert "has no account" in operator.refused(*ADA, "--promote")
        operator.add_account("ada@example.com")
        operator("users", "disable", "ada@example.com")
        assert "users enable" in operator.refused(*ADA, "--promote")

    def test_needs_to_know_who(self, operator: Operator) -> None:
        assert "--email" in operator.refused("admin", "create", code=2)


class TestTheLink:
    def test_is_printed_with_the_call_that_does_the_same(self, operator: Operator) -> None:
        out = operator("admin", "create", "--link").out
        token = re.search(r"http://localhost:8000/setup#token=([\w-]{43})\n", out)
        assert token is not None
        assert "curl http://localhost:8000/auth/setup" in out
        assert f'"token": "{token[1]}"' in out

    def test_is_for_whoever_has_a_browser_where_there_are_pages(self, operator: Operator) -> None:
        assert "in a browser:" in operator("admin", "create", "--link").out
        (operator.folder / ".env").write_text("WATCHWORD_PAGES=off\n")
        assert "for a page of yours:" in operator("admin", "create", "--link").out

    def test_is_not_made_when_it_would_not_work(self, operator: Operator) -> None:
        operator.add_account("root@example.com", role=ADMIN)
        assert "admin create --email" in operator.refused("admin", "create", "--link")


class TestUsers:
    def test_are_listed_newest_first(self, operator: Operator) -> None:
        for name in ("ada", "bob", "cid"):
            operator.add_account(f"{name}@example.com", name=name.title())
        lines = operator("users", "list").lines
        assert lines[0].split() == ["ID", "ROLE", "STATUS", "CREATED", "EMAIL", "NAME"]
        assert [line.split()[-1] for line in lines[1:]] == ["Cid", "Bob", "Ada"]

    def test_are_listed_for_a_script(self, operator: Operator) -> None:
        for number in range(5):
            operator.add_account(f"p{number}@example.com")
        operator.add_account("root@example.com", role=ADMIN)
        said = operator("users", "list", "--json", "--role", "user", "--limit", "3").json
        assert [user["email"] for user in said["users"]] == [f"p{n}@example.com" for n in (4, 3, 2)]
        assert said["more"] is True
        assert "passwordHash" not in said["users"][0]
        assert operator("users", "list", "--json", "--q", "P1@").json["more"] is False

    def test_s_names_move_no_cursor(self, operator: Operator) -> None:
        """I09."""
        account = operator.add_account("ada@example.com", name="A\x1b[2Jda")
        assert account.name in operator("users", "list", "--json").json["users"][0]["name"]
        assert "\x1b" not in operator("users", "list").out

    def test_are_disabled_with_their_sessions_and_enabled_again(self, operator: Operator) -> None:
        ada = operator.add_account("ada@example.com")
        operator.add_session(ada)
        operator("users", "disable", "ADA@example.com")
        assert operator.live_sessions(ada) == []
        operator("users", "enable", ada.id)
        account = operator.account("ada@example.com")
        assert account is not None
        assert account.status is Status.ACTIVE
        assert operator.live_sessions(ada) == []

    def test_are_not_disabled_down_to_the_last_administrator(self, operator: Operator) -> None:
        operator.add_account("root@example.com", role=ADMIN)
        assert "last active administrator" in operator.refused(
            "users", "disable", "root@example.com"
        )

    def test_that_do_not_exist_are_told_so(self, operator: Operator) -> None:
        for who in ("nobody@example.com", "0123"):
            assert "users list" in operator.refused("users", "disable", who)
        assert "not a valid e-mail" in operator.refused("users", "disable", "@")
