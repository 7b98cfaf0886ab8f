"""People move in: whole or not at all, once, and however often the machine goes down meanwhile."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import HASH, Operator
from watchword.bootstrap import Core
from watchword.cli import import_news
from watchword.domain.accounts import Status
from watchword.ports import AccountQuery, PageRequest

BCRYPT = "$2b$04$" + "." * 21 + "u" + "A" * 31


def ndjson(folder: Path, *records: Any) -> str:
    """The path of a file of records; a text stands for itself."""
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    (folder / "users.ndjson").write_text("\n".join(lines) + "\n", "utf-8")
    return "users.ndjson"


def people(count: int, *, start: int = 0) -> list[dict[str, Any]]:
    return [{"email": f"p{number}@example.com"} for number in range(start, start + count)]


def emails(operator: Operator) -> list[str]:
    async def work(core: Core) -> list[str]:
        page = await core.store.reading.directory.list_accounts(
            AccountQuery(), PageRequest(1_000_000)
        )
        return [account.email.text for account in page.rows]

    return operator.do(work)


NO_OBJECT = "This is not a JSON object, or a name comes twice in it."


class TestNdjson:
    def test_brings_everything_that_it_says(self, operator: Operator) -> None:
        file = ndjson(
            operator.folder,
            {
                "email": "Ada@Example.com",
                "name": "Ada Lovelace",
                "role": "admin",
                "passwordHash": HASH,
                "emailVerified": True,
            },
            {"email": "bob@example.com", "status": "disabled", "passwordHash": BCRYPT},
        )
        said = operator("users", "import", file)
        assert said.out == (
            "2 accounts imported (1 administrator), 0 existed already, 0 lines skipped.\n"
        )
        ada, bob = operator.account("ada@example.com"), operator.account("bob@example.com")
        assert ada is not None
        assert bob is not None
        assert (ada.email.text, ada.name, ada.role) == ("Ada@example.com", "Ada Lovelace", "admin")
        assert (ada.password_hash, ada.email_verified) == (HASH, True)
        assert (bob.status, bob.role, bob.email_verified) == (Status.DISABLED, "user", False)
        events = operator.events("--type", "account.imported")
        assert {event["subject"] for event in events} == {ada.id, bob.id}

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("{", NO_OBJECT),
            ("[1]", NO_OBJECT),
            ("[" * 10_000, NO_OBJECT),
            ('{"email": "a@example.com", "email": "b@example.com"}', NO_OBJECT),
            ({"name": "x"}, "email: Enter an e-mail address."),
            ({"email": "ada"}, "email: This is not a valid e-mail address."),
            ({"email": ["ada@example.com"]}, "email: This must be a text."),
            ({"email": "a\ud800@example.com"}, "A text holds half a character"),
            ({"email": "ada@example.com", "name": "a\u0000b"}, "name: A name cannot hold"),
            ({"email": "ada@example.com", "name": 1}, "name: This must be a text."),
            ({"email": "ada@example.com", "role": "king"}, "role: Not a role here."),
            ({"email": "ada@example.com", "status": "x"}, "status: Use active or disabled."),
            ({"email": "ada@example.com", "emailVerified": "y"}, "emailVerified: Use true or"),
            ({"email": "ada@example.com", "passwordHash": "5f4d"}, "passwordHash: No password can"),
            ({"email": "ada@example.com", "passwrdHash": HASH}, "Did you mean passwordHash?"),
            ({"email": "ada@example.com", "\x1b[2J": 1}, "There is no such field. Use email, name"),
            ({"email": "ada@example.com", "name": "x" * 20_000}, "longer than 16,384 bytes"),
        ],
    )
    def test_leaves_a_bad_line_out_and_says_which_and_why(
        self, operator: Operator, line: Any, reason: str
    ) -> None:
        file = ndjson(operator.folder, *people(2), line, *people(1, start=2))
        said = operator("users", "import", file, code=3)
        assert "Line 3: " in said.err
        assert reason in said.err
        assert "\x1b" not in said.err
        assert said.out == "3 accounts imported, 0 existed already, 1 line skipped.\n"
        assert emails(operator) != []
        assert operator.account("ada@example.com") is None

    def test_tells_of_bytes_that_are_no_text(self, operator: Operator) -> None:
        content = b'{"email": "\xff@example.com"}\n{"email": "ada@example.com"}\n'
        (operator.folder / "users.ndjson").write_bytes(content)
        said = operator("users", "import", "users.ndjson", code=3)
        assert "Line 1: This is not UTF-8." in said.err
        assert emails(operator) == ["ada@example.com"]

    def test_never_repeats_a_hash(self, operator: Operator) -> None:
        secret = "md5:5f4dcc3b5aa765d61d8327deb882cf99"
        file = ndjson(operator.folder, {"email": "ada@example.com", "passwordHash": secret})
        said = operator("users", "import", file, "--errors", "bad.ndjson", code=3)
        assert secret not in said.out + said.err + (operator.folder / "bad.ndjson").read_text()

    def test_takes_blank_lines_a_byte_order_mark_and_no_last_newline(
        self, operator: Operator
    ) -> None:
        content = (
            b'\xef\xbb\xbf\n\r\n{"email": "ada@example.com"}\r\n \n{"email": "bob@example.com"}'
        )
        (operator.folder / "users.txt").write_bytes(content)
        operator("users", "import", "users.txt", "--format", "ndjson")
        assert sorted(emails(operator)) == ["ada@example.com", "bob@example.com"]

    def test_is_read_from_standard_input(self, operator: Operator) -> None:
        operator("users", "import", "-", "--format", "ndjson", stdin='{"email": "ada@example.com"}')
        assert emails(operator) == ["ada@example.com"]

    def test_in_one_array_is_refused_with_the_remedy(self, operator: Operator) -> None:
        (operator.folder / "users.json").write_text('[{"email": "ada@example.com"}]')
        assert "jq -c" in operator.refused("users", "import", "users.json")


class TestCsv:
    def write(self, operator: Operator, *lines: str) -> str:
        (operator.folder / "users.csv").write_text("\n".join(lines) + "\n", "utf-8")
        return "users.csv"

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_brings_everything_that_it_says(self, operator: Operator, delimiter: str) -> None:
        rows = [
            ["name", "email", "emailVerified", "passwordHash"],
            ['"Lovelace\t,; Ada"', "ada@example.com", "YES", f'"{HASH}"'],
            ["", "bob@example.com", "", ""],
        ]
        self.write(operator, *(delimiter.join(row) for row in rows[::2]))
        operator("users", "import", "users.csv")
        bob = operator.account("bob@example.com")
        assert bob is not None
        assert (bob.name, bob.email_verified, bob.password_hash) == ("", False, None)
        rows[1][0] = '"Lovelace,; Ada"'
        self.write(operator, *(delimiter.join(row) for row in rows))
        operator("users", "import", "users.csv")
        ada = operator.account("ada@example.com")
        assert ada is not None
        assert (ada.name, ada.email_verified, ada.password_hash) == ("Lovelace,; Ada", True, HASH)

    def test_leaves_bad_lines_out_and_counts_lines_as_an_editor_does(
        self, operator: Operator
    ) -> None:
        file = self.write(
            operator,
            "email,name",
            "ada@example.com,Ada",
            '"bob@example.com","Bob',  # a name of two lines
            'Bobson"',
            "cid@example.com",
            '"dan@example.com"x,Dan',
            "eve@example.com,Eve",
            'fay@example.com,"Fay',
        )
        said = operator("users", "import", file, code=3)
        told = [line for line in said.err.splitlines() if line.startswith("Line")]
        assert told == [
            "Line 3: name: A name cannot hold control characters.",
            "Line 5: There are 1 cells for 2 columns.",
            "Line 6: This is not CSV (',' expected after '\"').",
            "Line 8: This is not CSV (unexpected end of data).",
        ]
        assert sorted(emails(operator)) == ["ada@example.com", "eve@example.com"]

    def test_cannot_smuggle_an_account_in_a_name(self, operator: Operator) -> None:
        """A name of several lines stays one cell, whatever stands in it."""
        file = self.write(
            operator,
            "email,name,role",
            '"ada@example.com","x',
            "evil@example.com,Evil,admin",
            '","user"',
        )
        operator("users", "import", file, code=3)
        assert emails(operator) == []

    @pytest.mark.parametrize(
        "header", ["name,role", "email,password_hash", "email,email", "", "ada@example.com,Ada"]
    )
    def test_with_a_strange_first_line_is_refused_whole(
        self, operator: Operator, header: str
    ) -> None:
        file = self.write(operator, header, "ada@example.com,x")
        assert "names its columns" in operator.refused("users", "import", file)
        assert emails(operator) == []

    def test_goes_out_and_comes_back_the_same(self, operator: Operator) -> None:
        """I10: what was quoted for a spreadsheet is what it was again."""
        names = [
            "=1+1",
            "'=1+1",
            "-x",
            "@SUM(A1)",
            "\uff1d1",
            "O'Hara",
            "'x",
            'Ann "A" B',
            "ü,;\u200d",
        ]
        records = [{"email": f"p{n}@example.com", "name": name} for n, name in enumerate(names)]
        operator("users", "import", ndjson(operator.folder, *records))
        operator("users", "export", "--format", "csv", "-o", "users.csv")
        (operator.folder / "watchword-data" / "watchword.db").unlink()
        for leftover in (operator.folder / "watchword-data").glob("watchword.db-*"):
            leftover.unlink()
        operator("users", "import", "users.csv")
        accounts = [operator.account(str(record["email"])) for record in records]
        assert [account and account.name for account in accounts] == names


class TestExistingAccounts:
    def test_are_left_as_they_are_in_every_spelling(self, operator: Operator) -> None:
        before = operator.add_account("ada@example.com", name="Ada")
        file = ndjson(
            operator.folder,
            {"email": "ADA@Example.COM.", "role": "admin", "name": "Eve", "passwordHash": BCRYPT},
            {"email": "bob@example.com"},
            {"email": "Bob@example.com"},
        )
        said = operator("users", "import", file, "--json")
        assert said.json == {"imported": 1, "existing": 2, "skipped": 0, "admins": 0}
        assert operator.account("ada@example.com") == before

    def test_are_counted_when_all_is_imported_again(self, operator: Operator) -> None:
        file = ndjson(operator.folder, *people(30))
        operator("users", "import", file)
        assert operator("users", "import", file, "--json").json["existing"] == 30
        assert len(emails(operator)) == 30


class TestARehearsal:
    def test_changes_nothing(self, operator: Operator) -> None:
        operator.add_account("p0@example.com")
        file = ndjson(operator.folder, *people(3), "bad")
        said = operator("users", "import", file, "--dry-run", code=3)
        assert said.out == "2 accounts would be imported, 1 existed already, 1 line skipped.\n"
        assert emails(operator) == ["p0@example.com"]
        assert operator.events("--type", "account.imported") == []


class TestBadLines:
    def test_are_all_listed_in_a_file_of_their_own(self, operator: Operator) -> None:
        file = ndjson(operator.folder, *["bad"] * 30, *people(1))
        said = operator("users", "import", file, "--errors", "bad.ndjson", code=3)
        listed = (operator.folder / "bad.ndjson").read_text().splitlines()
        assert [json.loads(line)["line"] for line in listed] == list(range(1, 31))
        assert (operator.folder / "bad.ndjson").stat().st_mode & 0o777 == 0o600
        assert said.err.count("Line ") == 20

    def test_beyond_the_first_are_counted_on_the_terminal(self, operator: Operator) -> None:
        file = ndjson(operator.folder, *["bad"] * 30)
        assert "10 lines more" in operator("users", "import", file, code=3).err


class TestTheNews:
    def test_of_a_long_import_comes_every_so_often(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(import_news, "_LINES_PER_NEWS", 2_000)
        said = operator("users", "import", ndjson(operator.folder, *people(4_100)))
        assert said.err.splitlines() == [
            "2,000 lines read, 2,000 accounts imported.",
            "4,000 lines read, 4,000 accounts imported.",
        ]

    def test_on_a_terminal_is_a_bar(self, operator: Operator) -> None:
        news = self.on_a_terminal(operator)
        assert "1,500 imported" in news
        assert "100%" in news

    def test_where_nobody_looks_is_none(self, operator: Operator) -> None:
        assert operator("users", "import", ndjson(operator.folder, *people(1_500))).err == ""

    def on_a_terminal(self, operator: Operator) -> str:
        """What an import of 1,500 says there."""
        operator("migrate")
        command = [sys.executable, "-m", "watchword", "users", "import"]
        command.append(ndjson(operator.folder, *people(1_500)))
        ours, theirs = os.openpty()
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            try:
                done = subprocess.run(
                    command, cwd=operator.folder, stdout=subprocess.PIPE, stderr=theirs, check=True
                )
                os.set_blocking(ours, False)
                news = terminal.read(65_536) or b""
            finally:
                os.close(theirs)
        assert done.stdout.startswith(b"1,500 accounts imported")
        return news.decode()


class TestACrash:
    """The program is killed in the middle of its work, by the signal that nothing can catch."""

    COUNT = 8_000
    BAD = 2_500

    def given_file(self, folder: Path) -> None:
        records: list[Any] = people(self.COUNT)
        records[self.BAD] = "bad"
        ndjson(folder, *records)

    def kill_one(self, folder: Path) -> None:
        """Once it has told of the bad line, at least two batches are committed."""
        command = [sys.executable, "-m", "watchword", "users", "import", "users.ndjson"]
        command += ["--errors", "bad.ndjson"]
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as importer:
            assert importer.stderr is not None
            assert f"Line {self.BAD + 1:,}" in importer.stderr.readline()
            importer.send_signal(signal.SIGKILL)
            importer.wait()
        assert importer.returncode == -signal.SIGKILL

    def test_loses_nobody_and_doubles_nobody(self, operator: Operator) -> None:
        operator("migrate")
        self.given_file(operator.folder)
        self.kill_one(operator.folder)
        done = len(emails(operator))
        assert 2_000 <= done < self.COUNT - 1
        said = operator(
            "users", "import", "users.ndjson", "--errors", "bad.ndjson", "--json", code=3
        )
        assert "Going on after line" in said.err
        assert sum(said.json.values()) == self.COUNT
        assert said.json["skipped"] == 1
        assert len(set(emails(operator))) == len(emails(operator)) == self.COUNT - 1
        reported = (operator.folder / "bad.ndjson").read_text().splitlines()
        assert [one for one in reported if "account already" not in one] == reported[:1]
        assert list((operator.folder / "watchword-data" / "imports").iterdir()) == []

    def test_followed_by_a_restored_database_begins_anew(self, operator: Operator) -> None:
        operator("migrate")
        self.given_file(operator.folder)
        self.kill_one(operator.folder)
        for file in (operator.folder / "watchword-data").glob("watchword.db*"):
            file.unlink()
        said = operator("users", "import", "users.ndjson", code=3)
        assert "Going on" not in said.err
        assert len(emails(operator)) == self.COUNT - 1
