"""What is written out: whole, in order, for its owner's eyes, and harmless in a spreadsheet."""

import csv
import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import HASH, Operator
from watchword.cli.output import open_output


class TestUsers:
    def test_are_written_newest_first_across_pages(self, operator: Operator) -> None:
        lines = "\n".join(json.dumps({"email": f"p{n}@example.com"}) for n in range(450))
        operator("users", "import", "-", "--format", "ndjson", stdin=lines)
        users = [json.loads(line) for line in operator("users", "export").lines]
        assert len({user["email"] for user in users}) == len(users) == 450
        assert [user["id"] for user in users] == sorted((u["id"] for u in users), reverse=True)

    def test_keep_their_hashes_unless_told_otherwise(self, operator: Operator) -> None:
        operator.add_account("ada@example.com")
        assert HASH not in operator("users", "export").out
        assert HASH not in operator("users", "export", "--format", "csv").out
        with_hashes = operator("users", "export", "--with-hashes")
        assert json.loads(with_hashes.out)["passwordHash"] == HASH
        assert HASH in operator("users", "export", "--with-hashes", "--format", "csv").out

    def test_go_to_a_file_of_their_owner(self, operator: Operator) -> None:
        operator.add_account("ada@example.com")
        target = operator.folder / "users.ndjson"
        target.write_text("something older, for all to read")
        target.chmod(0o644)
        said = operator("users", "export", "-o", "users.ndjson")
        assert (said.out, said.err) == ("", "1 account written to users.ndjson.\n")
        assert target.stat().st_mode & 0o777 == 0o600
        assert json.loads(target.read_text())["email"] == "ada@example.com"

    def test_that_start_a_formula_are_quoted(self, operator: Operator) -> None:
        """I10."""
        operator.add_account("ada@example.com", name='=cmd|"/c calc"!A1')
        rows = list(csv.DictReader(operator("users", "export", "--format", "csv").lines))
        assert rows[0]["name"] == '\'=cmd|"/c calc"!A1'
        assert rows[0]["emailVerified"] == "false"


class TestTheAuditLog:
    def test_is_narrowed_by_type_user_and_time(self, operator: Operator) -> None:
        ada = operator.add_account("ada@example.com")
        operator("users", "disable", "ada@example.com")
        operator("keys", "rotate")
        types = [event["type"] for event in operator.events("--user", "ada@example.com")]
        assert types == ["account.status_changed"]
        assert operator.events("--user", ada.id, "--type", "keys.rotated") == []
        assert operator.events("--from", "2999-01-01") == []
        assert operator.events("--to", "2020-01-01T00:00:00Z") == []
        assert len(operator.events("--from", "2020-01-01", "--type", "keys.rotated")) >= 1

    def test_is_not_narrowed_by_what_is_no_time_and_no_type(self, operator: Operator) -> None:
        assert "2026-11-20" in operator.refused("audit", "export", "--from", "noon", code=2)
        assert "sung" in operator.refused("audit", "export", "--type", "sung", code=2)

    def test_that_starts_a_formula_is_quoted(self, operator: Operator) -> None:
        """I10: a user agent is what anybody wrote."""
        operator.add_session(operator.add_account("ada@example.com"), "=HYPERLINK(1)")
        operator("sessions", "revoke", "--all", "--yes")
        for line in operator("audit", "export", "--format", "csv").lines:
            cells = next(csv.reader([line]))
            assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in cells)


class TestAFile:
    def test_that_fails_half_way_leaves_the_former_one(self, tmp_path: Path) -> None:
        target = tmp_path / "users.ndjson"
        target.write_text("former")
        with pytest.raises(TypeError), open_output(target) as file:
            file.writelines([b"half", "and no bytes"])  # type: ignore[list-item]
        assert target.read_text() == "former"
        assert list(tmp_path.iterdir()) == [target]

    def test_behind_a_link_is_written_where_the_link_leads(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "real")
        with open_output(tmp_path / "link") as file:
            file.write(b"new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_bytes() == b"new"

    def test_that_is_a_device_is_written_to_and_stays_one(self) -> None:
        with open_output(Path(os.devnull)) as file:
            file.write(b"new")
        assert Path(os.devnull).is_char_device()
