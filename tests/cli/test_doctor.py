"""The doctor explains what is unsafe, is quiet about what is safe, and changes nothing."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Operator
from tests.servers.redis import running
from watchword.bootstrap.storage import NEWEST
from watchword.cli.findings import Finding, Weight, is_exposed, of_settings
from watchword.cli.machine import of_machine
from watchword.cli.stored import look_at_store
from watchword.crypto.keys import Algorithm
from watchword.crypto.secret import Secret
from watchword.domain.mail import Encryption, Mailbox, Relay
from watchword.domain.roles import ADMIN
from watchword.domain.time import DAY
from watchword.settings import ServerUrl, Settings
from watchword.settings.choices import Profile
from watchword.testing import FakeClock

NOW = FakeClock().now()
SECRET = "k7Qm2xVb9TzLw4NcHy6RpJ8sDf3GuEaK5vXo1ZiC0MqS"
SAFE: dict[str, Any] = {
    "public_url": "https://auth.example.com",
    "trusted_proxies": ("127.0.0.1",),
    "secret": (Secret(SECRET.encode()),),
    "metrics_token": Secret(b"0123456789abcdef"),
    "breach_url": "https://breaches.example.com/range",
    "smtp_url": Relay("smtp.example.com", 587, Encryption.STARTTLS),
    "mail_from": Mailbox("", "no-reply@example.com"),
}
HIDDEN = Secret(b"")
PLAIN = Relay("smtp.example.com", 25, Encryption.NONE)


def found(**settings: Any) -> dict[str, Weight]:
    """The weight of each finding by its subject."""
    return {f.subject: f.weight for f in of_settings(Settings(**{**SAFE, **settings}))}


class TestSettings:
    def test_that_are_safe_are_passed_over(self) -> None:
        assert found() == {}

    @pytest.mark.parametrize(
        ("settings", "subject"),
        [
            ({"public_url": "http://auth.example.com"}, "PUBLIC_URL"),
            ({"trusted_proxies": ()}, "TRUSTED_PROXIES"),
            ({"cors_origins": ("http://app.example.com",)}, "CORS_ORIGINS"),
            ({"secret": (Secret(b"changeme" * 4),)}, "SECRET"),
            ({"lockout_policy": None}, "LOCKOUT"),
            ({"limit_sign_in": None}, "LIMIT_SIGN_IN"),
            ({"limit_auth": None}, "LIMIT_AUTH"),
            ({"smtp_url": PLAIN}, "SMTP_URL"),
            ({"database_url": ServerUrl("", HIDDEN, is_plain=True)}, "DATABASE_URL"),
            ({"redis_url": ServerUrl("", HIDDEN, is_plain=True)}, "REDIS_URL"),
        ],
    )
    def test_that_let_somebody_do_harm_are_unsafe(
        self, settings: dict[str, Any], subject: str
    ) -> None:
        assert found(**settings) == {f"WATCHWORD_{subject}": Weight.UNSAFE}

    @pytest.mark.parametrize(
        ("settings", "subject"),
        [
            ({"public_url": "http://localhost:8000"}, "PUBLIC_URL"),
            ({"secret": ()}, "SECRET"),
            ({"metrics_token": None}, "METRICS_TOKEN"),
            ({"signing_algorithm": Algorithm.HS256}, "SIGNING_ALGORITHM"),
            ({"password_min_length": 8}, "PASSWORD_MIN_LENGTH"),
            ({"breach_url": None}, "BREACH_URL"),
            ({"smtp_url": None}, "SMTP_URL"),
            ({"mail_from": None}, "MAIL_FROM"),
        ],
    )
    def test_that_are_worth_a_thought_are_hints(
        self, settings: dict[str, Any], subject: str
    ) -> None:
        assert found(**settings) == {f"WATCHWORD_{subject}": Weight.HINT}

    def test_below_the_profile_that_was_chosen_are_hints(self) -> None:
        below = {"SESSION_IDLE_TTL", "SESSION_ABSOLUTE_TTL", "REFRESH_GRACE", "PASSWORD_MIN_LENGTH"}
        as_standard = found(profile=Profile.STRICT)
        assert as_standard == {f"WATCHWORD_{name}": Weight.HINT for name in below}

    def test_name_one_source_of_breached_passwords_or_the_other(self) -> None:
        assert found(breach_url=None, breach_file=Path("hashes")) == {}

    def test_that_stop_the_start_are_broken(self) -> None:
        weak = found(password_hash="argon2id,m=64,t=1,p=1")
        assert weak == {"WATCHWORD_PASSWORD_HASH": Weight.BROKEN}

    @pytest.mark.parametrize("secret", ["0123456789abcdef" * 2, "f" * 31 + "0", SECRET])
    def test_s_secrets_are_told_apart_by_variety(self, secret: str) -> None:
        is_varied = len(set(secret)) > 7
        assert (found(secret=(Secret(secret.encode()),)) == {}) == is_varied

    @pytest.mark.parametrize(
        ("url", "exposed"),
        [
            ("http://localhost:8000", False),
            ("http://app.localhost", False),
            ("http://127.0.0.2:1", False),
            ("http://[::1]", False),
            ("http://192.168.1.2", True),
            ("http://localhost.example.com", True),
            ("https://localhost", True),
        ],
    )
    def test_say_who_can_reach_it(self, url: str, exposed: bool) -> None:
        assert is_exposed(Settings(public_url=url)) is exposed


def look(folder: Path, **settings: Any) -> list[Finding]:
    chosen = Settings(data_dir=folder / "watchword-data", **settings)
    return [*of_machine(chosen, NOW), *look_at_store(chosen, NOW).findings]


class TestTheMachine:
    @pytest.mark.parametrize(
        ("name", "mode"), [(".", "700"), ("secret", "600"), ("watchword.db", "600")]
    )
    def test_s_files_are_for_nobody_else(self, operator: Operator, name: str, mode: str) -> None:
        operator.add_account("root@example.com", role=ADMIN)
        path = operator.folder / "watchword-data" / name
        assert str(path) not in {finding.subject for finding in look(operator.folder)}
        path.chmod(0o755)
        (finding,) = [f for f in look(operator.folder) if f.subject == str(path)]
        assert finding.weight is Weight.UNSAFE
        assert finding.remedy == f"chmod {mode} {path}"

    def test_s_settings_file_is_for_nobody_else(self, operator: Operator) -> None:
        (operator.folder / ".env").touch(mode=0o644)
        assert "chmod 600 .env" in {finding.remedy for finding in look(operator.folder)}

    def test_s_disk_must_have_room(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Usage:
            free = 2**20

        monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
        weights = {f.weight for f in look(operator.folder) if "disk" in f.problem}
        assert weights == {Weight.BROKEN}

    def test_s_clock_must_not_be_far_behind(self, operator: Operator) -> None:
        findings = of_machine(Settings(data_dir=operator.folder / "x"), 0)
        assert "clock" in {finding.subject for finding in findings}

    def test_s_clock_must_not_have_been_put_back(self, operator: Operator) -> None:
        """X07."""
        operator("keys", "rotate")
        settings = Settings(data_dir=operator.folder / "watchword-data")
        problems = [
            finding.problem
            for finding in look_at_store(settings, NOW - 100 * DAY).findings
            if finding.subject == "clock"
        ]
        assert any("in the future" in problem for problem in problems)

    def test_s_list_of_breached_passwords_must_be_one(self, operator: Operator) -> None:
        path = operator.folder / "hashes"
        path.write_text("password1\n")
        (finding,) = [
            f
            for f in look(operator.folder, breach_file=path)
            if f.subject == "WATCHWORD_BREACH_FILE"
        ]
        assert finding.weight is Weight.BROKEN
        path.write_text("A" * 40 + ":1\n")
        subjects = {f.subject for f in look(operator.folder, breach_file=path)}
        assert "WATCHWORD_BREACH_FILE" not in subjects

    @pytest.mark.parametrize("name", ["smtp_ca_file", "templates"])
    def test_s_files_for_mail_must_be_of_use(self, name: str, operator: Operator) -> None:
        findings = look(operator.folder, **{name: operator.folder / "absent"})
        (finding,) = [f for f in findings if f.subject == f"WATCHWORD_{name.upper()}"]
        assert finding.weight is Weight.BROKEN
        assert "absent" in finding.problem

    def test_is_left_as_it_was(self, operator: Operator) -> None:
        look(operator.folder)
        assert list(operator.folder.iterdir()) == []


class TestTheDatabase:
    def subjects(self, operator: Operator) -> dict[str, str]:
        return {finding.subject: finding.problem for finding in look(operator.folder)}

    @pytest.mark.parametrize(
        ("spoil", "weight", "words"),
        [
            (lambda db: db.unlink(), Weight.HINT, "not there yet"),
            (lambda db: db.write_bytes(b"no database" * 999), Weight.BROKEN, "not a SQLite"),
            (lambda db: set_schema(db, "9999"), Weight.BROKEN, "newer version"),
            (lambda db: set_schema(db, "0000"), Weight.HINT, "watchword migrate"),
        ],
    )
    def test_is_told_by_what_is_wrong_with_it(
        self, operator: Operator, spoil: Callable[[Path], object], weight: Weight, words: str
    ) -> None:
        operator.add_account("root@example.com", role=ADMIN)
        database = operator.folder / "watchword-data" / "watchword.db"
        spoil(database)
        (finding,) = [f for f in look(operator.folder) if f.subject == str(database)]
        assert finding.weight is weight
        assert words in f"{finding.problem} {finding.remedy}"

    def test_that_is_damaged_inside_is_found_out(self, operator: Operator) -> None:
        lines = "email\n" + "\n".join(f"person-{n}@example.com" for n in range(3_000))
        operator("users", "import", "-", "--format", "csv", stdin=lines)
        database = operator.folder / "watchword-data" / "watchword.db"
        content = bytearray(database.read_bytes())
        middle = len(content) // 8192 * 4096
        content[middle : middle + 4096] = b"\xff" * 4096
        database.write_bytes(content)
        (finding, *_) = [f for f in look(operator.folder) if f.subject == str(database)]
        assert finding.weight is Weight.BROKEN

    def test_without_an_administrator_is_a_hint(self, operator: Operator) -> None:
        operator.add_account("ada@example.com")
        assert "administrator" in self.subjects(operator)
        operator.add_account("root@example.com", role=ADMIN)
        assert "administrator" not in self.subjects(operator)

    def test_with_one_needs_no_password_in_the_settings(self, operator: Operator) -> None:
        operator.add_account("root@example.com", role=ADMIN)
        findings = look(operator.folder, admin_password=Secret(b"correct horse battery"))
        assert "WATCHWORD_ADMIN_PASSWORD" in {finding.subject for finding in findings}


def set_schema(database: Path, version: str) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.close()


class TestTheCommand:
    def test_is_content_with_an_empty_folder_on_ones_own_machine(self, operator: Operator) -> None:
        out = operator("doctor").out
        assert "Nothing unsafe was found." in out
        assert "UNSAFE" not in out
        assert "WATCHWORD_PUBLIC_URL            http://localhost:8000" in out
        assert list(operator.folder.iterdir()) == []

    def test_softens_what_nobody_else_can_reach(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_LOCKOUT", "off")
        assert "hint    WATCHWORD_LOCKOUT" in operator("doctor").out
        monkeypatch.setenv("WATCHWORD_PUBLIC_URL", "https://auth.example.com")
        assert "UNSAFE  WATCHWORD_LOCKOUT" in operator("doctor", code=1).out

    def test_flags_plain_http_for_others(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_PUBLIC_URL", "http://auth.example.com")
        assert "UNSAFE  WATCHWORD_PUBLIC_URL" in operator("doctor", code=1).out

    def test_passes_a_safe_installation(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_PUBLIC_URL", "https://auth.example.com")
        monkeypatch.setenv("WATCHWORD_TRUSTED_PROXIES", "127.0.0.1")
        monkeypatch.setenv("WATCHWORD_SECRET", SECRET)
        operator.add_account("root@example.com", role=ADMIN)
        said = operator("doctor")
        assert "Nothing unsafe was found." in said.out
        assert SECRET not in said.out

    def test_explains_settings_that_stop_the_start(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_LOCKUOT", "off")
        said = operator("doctor", "--json", code=1).json
        assert [finding["weight"] for finding in said["findings"]] == ["broken"]
        assert "WATCHWORD_LOCKOUT?" in said["findings"][0]["problem"]

    def test_tells_which_store_it_is_and_of_which_schema(self, operator: Operator) -> None:
        path = operator.folder / "watchword-data" / "watchword.db"
        assert f"Store: {path}, not there yet." in operator("doctor").out
        operator("migrate")
        assert f"Store: {path}, schema {NEWEST}." in operator("doctor").out
        told = operator("doctor", "--json").json["store"]
        assert told == {
            "place": str(path),
            "sessions": str(path),
            "schema": NEWEST,
            "isReachable": True,
        }

    def test_tells_that_the_store_cannot_be_used_and_what_to_do(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_DATABASE_URL", "sqlite:///other.db")
        (operator.folder / "other.db").write_bytes(b"no database" * 999)
        said = operator("doctor", code=1).out
        assert "other.db, which cannot be used." in said
        assert "check its path" in said

    @pytest.mark.parametrize("command", ["doctor", "migrate", "serve", "users list"])
    def test_a_store_that_is_not_there_is_told_without_its_password(
        self, command: str, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_DATABASE_URL", "postgresql://ada:hunter2@127.0.0.1:1/db")
        said = operator(*command.split(), code=1)
        assert "cannot be reached" in said.out + said.err
        assert "hunter2" not in said.out + said.err
        if command == "doctor":
            assert "postgresql://<hidden>@127.0.0.1:1/db" in said.out

    def test_counters_that_are_not_there_are_told_without_their_password(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")
        said = operator("doctor", code=1)
        assert "redis://<hidden>@127.0.0.1:1/0" in said.out
        assert "Redis" in said.out
        assert "hunter2" not in said.out + said.err

    def test_tells_scripts_the_same(self, operator: Operator) -> None:
        said = operator("doctor", "--json").json
        assert said["settings"]["WATCHWORD_PROFILE"] == "standard"
        assert {"weight", "subject", "problem", "remedy"} == set(said["findings"][0])

    @pytest.mark.parametrize(
        ("store", "lost"), [("database", "sign-ins ("), ("redis", "and sessions, whose people")]
    )
    def test_warns_of_a_redis_that_throws_away_what_it_keeps(
        self, store: str, lost: str, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with running(operator.folder, "--maxmemory-policy", "allkeys-lru") as redis:
            monkeypatch.setenv("WATCHWORD_REDIS_URL", redis.url)
            monkeypatch.setenv("WATCHWORD_SESSION_STORE", store)
            said = operator("doctor").out
        assert "allkeys-lru" in said
        assert lost in said
        assert "noeviction" in said

    def test_tells_where_sessions_move(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")
        assert "Sessions:" not in operator("doctor", code=1).out
        monkeypatch.setenv("WATCHWORD_SESSION_STORE", "redis")
        place = "redis://<hidden>@127.0.0.1:1/0"
        assert f"Sessions: what moves in them is kept at {place}." in operator("doctor", code=1).out
        assert operator("doctor", "--json", code=1).json["store"]["sessions"] == place
