"""Settings: what is written is what holds, and what is wrong is told before anything starts."""

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto.keys import Algorithm
from watchword.crypto.secret import Secret
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.roles import EVERYTHING, Permission
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND
from watchword.ports import Allowance
from watchword.settings import Profile, Row, Settings, SettingsError
from watchword.settings.addresses import origin
from watchword.settings.parsing import Unreadable, allowance, duration, lockout, size

DOCUMENT = Path(__file__).parent.parent / "docs" / "configuration.md"
ROWS = Settings().describe()
NAMES = [row.name for row in ROWS]
LONG = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def load(folder: Path, **values: str) -> Settings:
    return Settings.load(
        {f"WATCHWORD_{name}": text for name, text in values.items()}, directory=folder
    )


def problems(folder: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ, directory=folder)
    return caught.value.problems


def problem(folder: Path, **values: str) -> str:
    (only,) = problems(folder, {f"WATCHWORD_{name}": text for name, text in values.items()})
    return only


class TestAnEmptyFolder:
    def test_has_the_defaults_of_the_contract(self, folder: Path) -> None:
        settings = load(folder)
        policy = settings.session_policy
        assert settings.public_url == settings.audience == "http://localhost:8000"
        assert settings.database_path == folder / "watchword-data" / "watchword.db"
        assert (policy.idle_ttl, policy.absolute_ttl) == (14 * DAY, 30 * DAY)
        assert (policy.grace, policy.step_up_ttl) == (10 * SECOND, 5 * MINUTE)
        assert (policy.limit, policy.evicts, policy.unremembered_ttl) == (10, True, DAY)
        assert settings.access_token_ttl == 5 * MINUTE
        assert settings.limit_sign_in == Allowance(5, 10 * MINUTE)
        assert settings.limit_auth == Allowance(100, 15 * MINUTE)
        assert settings.lockout_policy == LockoutPolicy(5, 15 * MINUTE)
        assert settings.password_min_length == 12
        assert settings.signing_algorithm is Algorithm.EDDSA
        assert settings.body_limit == 64 * 1024
        assert not settings.is_https

    def test_says_the_same_as_settings_made_directly(self, folder: Path) -> None:
        made = Settings(data_dir=folder / "watchword-data")
        assert load(folder) == made

    def test_has_defaults_that_are_written_as_they_are_shown(self, folder: Path) -> None:
        absent = {
            *("none", "the public URL", "console on a terminal, else json"),
            "no-reply@ the public URL's host",
        }
        written = {row.name: row.default for row in ROWS if row.default not in absent}
        assert Settings.load(written, directory=folder) == load(folder)


class TestWhereSettingsComeFrom:
    def test_the_environment_wins_over_the_file(self, folder: Path) -> None:
        (folder / ".env").write_text("WATCHWORD_MAX_SESSIONS=3\nWATCHWORD_HASH_QUEUE=7\n")
        settings = load(folder, MAX_SESSIONS="4")
        assert (settings.max_sessions, settings.hash_queue) == (4, 7)

    def test_the_process_environment_is_read_by_default(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_MAX_SESSIONS", "5")
        monkeypatch.chdir(folder)
        (folder / ".env").write_text("WATCHWORD_HASH_QUEUE=8\n")
        settings = Settings.load()
        assert (settings.max_sessions, settings.hash_queue) == (5, 8)

    def test_an_empty_value_counts_as_none(self, folder: Path) -> None:
        (folder / ".env").write_text("WATCHWORD_METRICS_TOKEN=0123456789abcdef\n")
        assert load(folder, METRICS_TOKEN="", MAX_SESSIONS=" ").metrics_token is None
        assert load(folder).metrics_token == Secret(b"0123456789abcdef")

    def test_the_file_may_quote_export_and_comment_but_replaces_nothing(self, folder: Path) -> None:
        (folder / ".env").write_text(
            "\ufeff# ours\nexport WATCHWORD_SERVICE_NAME='An ${HOME} app' # its name\n"
            'OTHER=1\nWATCHWORD_MAX_SESSIONS = "6"\n'
        )
        settings = load(folder)
        assert (settings.service_name, settings.max_sessions) == ("An ${HOME} app", 6)

    def test_a_broken_line_of_the_file_is_named(self, folder: Path) -> None:
        (folder / ".env").write_text("A=1\nWATCHWORD_SECRET='never closed\nWATCHWORD_ROLES\n")
        assert problems(folder, {}) == (
            ".env: line 2 is not NAME=value.",
            ".env: line 3 is not NAME=value.",
        )

    def test_a_file_that_is_not_text_is_named(self, folder: Path) -> None:
        (folder / ".env").write_bytes(b"WATCHWORD_SECRET=\xff\xfe")
        assert problems(folder, {})[0].startswith(".env: cannot be read")

    def test_a_folder_of_that_name_is_none_of_ours(self, folder: Path) -> None:
        (folder / ".env").mkdir()
        assert load(folder).max_sessions == 10

    def test_paths_count_from_the_folder(self, folder: Path) -> None:
        assert load(folder, DATA_DIR="here").database_path == folder / "here" / "watchword.db"
        assert load(folder, DATABASE_URL="sqlite:///a/b.db").database_path == folder / "a/b.db"
        assert load(folder, BREACH_FILE="hashes").breach_file == folder / "hashes"
        assert load(folder, DATABASE_URL="sqlite:////srv/b.db").database_path == Path("/srv/b.db")

    def test_settings_for_tests_are_left_alone(self, folder: Path) -> None:
        assert load(folder, TEST_DATABASE="x").max_sessions == 10


class TestAnUnknownSetting:
    def test_is_named_with_the_one_that_was_meant(self, folder: Path) -> None:
        text = problem(folder, MAX_SESSION="4")
        assert "WATCHWORD_MAX_SESSION:" in text
        assert "Did you mean WATCHWORD_MAX_SESSIONS?" in text

    def test_of_the_file_is_named_with_the_file(self, folder: Path) -> None:
        (folder / ".env").write_text("WATCHWORD_PUBLICURL=x\n")
        (text,) = problems(folder, {})
        assert text.startswith("WATCHWORD_PUBLICURL (in .env): ")
        assert "WATCHWORD_PUBLIC_URL?" in text

    def test_that_is_like_none_is_sent_to_the_documentation(self, folder: Path) -> None:
        assert "docs/configuration.md" in problem(folder, QQQQ="x")

    def test_of_a_later_release_is_unknown(self, folder: Path) -> None:
        assert "there is no such setting" in problem(folder, RISK_NEW_NETWORK="notice")

    def test_cannot_forge_a_line(self, folder: Path) -> None:
        """I08"""
        (text,) = problems(folder, {"WATCHWORD_X\nWATCHWORD_Y: fine": "1"})
        assert "\n" not in text


class TestProblems:
    def test_are_told_all_at_once(self, folder: Path) -> None:
        found = problems(
            folder,
            {
                "WATCHWORD_NOPE": "1",
                "WATCHWORD_SECRET": "short",
                "WATCHWORD_ACCESS_TOKEN_TTL": "1h",
                "WATCHWORD_LOCKOUT": "never",
                "WATCHWORD_ADMIN_EMAIL": "admin@example.com",
            },
        )
        names = [text.partition(":")[0].removeprefix("WATCHWORD_") for text in found]
        assert sorted(names) == [
            *("ACCESS_TOKEN_TTL", "ADMIN_PASSWORD", "LOCKOUT", "NOPE", "SECRET"),
        ]

    def test_stand_below_each_other_in_the_message(self, folder: Path) -> None:
        error = SettingsError(["a: b.", "c: d."])
        assert str(error) == "2 settings need your attention:\n  a: b.\n  c: d."

    @pytest.mark.parametrize("text", ["c4n4ry", "c4n4ry-" * 50, "c4n4ry/\x01", "https://c4n4ry@h"])
    @pytest.mark.parametrize("name", NAMES)
    def test_never_repeat_what_was_written(self, name: str, text: str, folder: Path) -> None:
        told = ""
        try:
            Settings.load({name: text}, directory=folder)
        except SettingsError as error:
            told = str(error)
        assert "c4n4ry" not in told

    def test_end_where_settings_contradict_each_other(self, folder: Path) -> None:
        text = problem(folder, SESSION_IDLE_TTL="2d", SESSION_ABSOLUTE_TTL="1d")
        assert "Use at most 1d" in text

    def test_do_not_follow_from_one_another(self, folder: Path) -> None:
        found = problem(folder, SESSION_IDLE_TTL="soon", SESSION_ABSOLUTE_TTL="1d")
        assert found.startswith("WATCHWORD_SESSION_IDLE_TTL: Write a whole number")

    def test_name_text_that_is_none(self, folder: Path) -> None:
        assert "control characters" in problem(folder, SERVICE_NAME="a\x00b")
        assert "UTF-8" in problem(folder, SERVICE_NAME=os.fsdecode(b"a\xff"))

    @given(st.sampled_from(NAMES), st.text(max_size=60))
    def test_are_the_only_thing_that_garbage_causes(self, name: str, text: str) -> None:
        lines: tuple[str, ...] = ()
        try:
            Settings.load({name: text}, directory=Path("/nonexistent"))
        except SettingsError as error:
            lines = error.problems
        assert not any("\n" in line for line in lines)


class TestSecrets:
    def test_are_hidden_wherever_settings_are_shown(self, folder: Path) -> None:
        settings = load(
            folder,
            SECRET=LONG,
            METRICS_TOKEN=LONG[:20],
            ADMIN_EMAIL="admin@example.com",
            ADMIN_PASSWORD="correct horse battery",
        )
        shown = f"{settings!r} {settings.describe()}"
        assert LONG[:10] not in shown
        assert "correct horse" not in shown
        assert {"<hidden>"} == {
            row.value
            for row in settings.describe()
            if row.name.endswith(("_SECRET", "_TOKEN", "_PASSWORD"))
        }

    def test_may_be_several_while_rotating(self, folder: Path) -> None:
        assert load(folder, SECRET=f"{LONG}, {LONG[::-1]}").secret == (
            Secret(LONG.encode()),
            Secret(LONG[::-1].encode()),
        )

    def test_are_32_bytes_each_and_the_message_says_how_to_make_one(self, folder: Path) -> None:
        assert load(folder, SECRET="é" * 16).secret
        assert "token_urlsafe" in problem(folder, SECRET=f"{LONG},{LONG[:31]}")

    def test_keep_a_passwords_spaces(self, folder: Path) -> None:
        settings = load(folder, ADMIN_EMAIL="a@example.com", ADMIN_PASSWORD=" two  words ")
        assert settings.admin_password == Secret(b" two  words ")

    def test_of_metrics_fit_in_a_header(self, folder: Path) -> None:
        for text in ("short", "0123456789 abcdef", "é" * 20):
            assert "without spaces" in problem(folder, METRICS_TOKEN=text)

    @pytest.mark.parametrize("alone", ["ADMIN_EMAIL", "ADMIN_PASSWORD"])
    def test_of_the_administrator_come_with_the_address(self, alone: str, folder: Path) -> None:
        assert "Set both, or neither" in problem(folder, **{alone: "someone@example.com"})


class TestTheRolesThatAskForASecondFactor:
    def test_are_named_in_the_other_setting(self, folder: Path) -> None:
        settings = load(folder, ROLES="support=users.read", MFA_ROLES="admin, support")
        assert settings.mfa_roles == ("admin", "support")
        assert settings.roles_in_force.multi_factor == {"admin", "support"}
        assert load(folder).roles_in_force == load(folder).roles

    @pytest.mark.parametrize(
        ("named", "told"), [("boss", "not in WATCHWORD_ROLES"), ("user", "Leave it out")]
    )
    def test_are_roles_that_hold_something(self, named: str, told: str, folder: Path) -> None:
        assert told in problem(folder, MFA_ROLES=named)


class TestThePublicUrl:
    @pytest.mark.parametrize(
        ("text", "meant"),
        [
            ("https://auth.example.com", "https://auth.example.com"),
            ("HTTPS://Auth.Example.com/", "https://auth.example.com"),
            ("https://auth.example.com:443", "https://auth.example.com"),
            ("http://localhost:80/", "http://localhost"),
            ("http://auth_1:8000", "http://auth_1:8000"),
            ("https://[2001:DB8:0::1]:8443", "https://[2001:db8::1]:8443"),
            ("http://192.0.2.7:8000", "http://192.0.2.7:8000"),
        ],
    )
    def test_is_written_as_a_browser_writes_an_origin(
        self, text: str, meant: str, folder: Path
    ) -> None:
        assert load(folder, PUBLIC_URL=text).public_url == meant

    @pytest.mark.parametrize(
        "text",
        [
            *("auth.example.com", "//auth.example.com", "https://", "ftp://example.com", "null"),
            *("https://example.com/auth", "https://example.com?", "https://example.com/#", "*"),
            *("https://user@example.com", "https://u:p@example.com", "https://example.com:0"),
            *("https://example.com:65536", "https://example.com:x", "https://ex ample.com"),
            *("https://exa\\mple.com", "https://-a.example", "https://a..b", "https://a.example."),
            *("https://[::1", "https://[::1]x", "https://a[::1]", "https://[fe80::1%25eth0]"),
            *("https://999.1.1.1", "https://1.2.3", "https://bücher.example", "https://[1.2.3.4]"),
        ],
    )
    def test_is_an_origin_and_nothing_else(self, text: str, folder: Path) -> None:
        assert problem(folder, PUBLIC_URL=text).startswith("WATCHWORD_PUBLIC_URL: Write ")

    @given(st.text(alphabet="htps:/.[]0159a-f%@?#\\ \t\nA", max_size=40))
    def test_read_twice_is_the_same(self, text: str) -> None:
        try:
            once = origin().parse("http://" + text)
        except Unreadable:
            return
        assert origin().parse(once) == once

    def test_of_https_is_known_as_such(self, folder: Path) -> None:
        assert load(folder, PUBLIC_URL="https://a.example").is_https

    def test_is_the_audience_unless_one_is_named(self, folder: Path) -> None:
        assert load(folder, PUBLIC_URL="https://a.example").audience == "https://a.example"
        assert load(folder, AUDIENCE="api").audience == "api"


class TestOriginsAndProxies:
    def test_are_lists_of_exact_ones(self, folder: Path) -> None:
        settings = load(
            folder,
            CORS_ORIGINS="https://a.example, https://b.example:8443/,https://a.example",
            TRUSTED_PROXIES="10.0.0.7,192.168.0.0/16, 2001:db8::/32",
        )
        assert settings.cors_origins == ("https://a.example", "https://b.example:8443")
        assert [str(network) for network in settings.trusted_proxies] == [
            *("10.0.0.7/32", "192.168.0.0/16", "2001:db8::/32")
        ]
        assert ipaddress.ip_address("192.168.4.4") in settings.trusted_proxies[1]

    @pytest.mark.parametrize("text", ["*", "null", "https://*.example.com"])
    def test_have_no_wildcard(self, text: str, folder: Path) -> None:
        assert "scheme, host and port" in problem(folder, CORS_ORIGINS=text)

    def test_trust_no_more_than_a_network_of_ones_own(self, folder: Path) -> None:
        """B01"""
        assert "trusts everybody" in problem(folder, TRUSTED_PROXIES="0.0.0.0/0")
        assert "10.0.0.0/8" in problem(folder, TRUSTED_PROXIES="10.1.2.3/8")
        assert "Write an address" in problem(folder, TRUSTED_PROXIES="proxy.example.com")


class TestTheDatabase:
    @pytest.mark.parametrize(
        "text",
        [
            "sqlite://",
            "sqlite:///",
            "sqlite:///:memory:",
            "sqlite:///a.db?mode=ro",
            "a.db",
            "sqlite:///d/",
        ],
    )
    def test_is_a_file(self, text: str, folder: Path) -> None:
        assert "sqlite:///watchword.db" in problem(folder, DATABASE_URL=text)

    def test_has_no_file_when_a_server_keeps_it(self, folder: Path) -> None:
        settings = load(folder, DATABASE_URL="postgresql://db.example.com/watchword")
        with pytest.raises(LookupError, match="in no file"):
            _ = settings.database_path


class TestLifetimes:
    def test_of_access_tokens_end_at_15_minutes(self, folder: Path) -> None:
        assert load(folder, ACCESS_TOKEN_TTL="15m").access_token_ttl == 15 * MINUTE
        assert "1s to 15m" in problem(folder, ACCESS_TOKEN_TTL="901s")
        assert "1s to 15m" in problem(folder, ACCESS_TOKEN_TTL="0")

    def test_of_idle_sessions_follow_a_shorter_absolute_one(self, folder: Path) -> None:
        settings = load(folder, SESSION_ABSOLUTE_TTL="10m")
        assert settings.session_idle_ttl == 10 * MINUTE
        assert settings.session_policy.unremembered_ttl == 10 * MINUTE

    def test_of_the_grace_end_at_a_minute(self, folder: Path) -> None:
        assert load(folder, REFRESH_GRACE="0").refresh_grace == 0
        assert "0 to 60s" in problem(folder, REFRESH_GRACE="2m")

    @given(st.integers(0, 10**9 - 1), st.sampled_from("smhd"))
    def test_are_shown_as_they_can_be_written(self, count: int, unit: str) -> None:
        kind = duration("0", "999999999d")
        span = kind.parse(f"{count}{unit}")
        assert kind.parse(kind.show(span)) == span
        assert len(kind.show(span)) <= len(f"{count}{unit}")

    @given(st.text(max_size=12))
    def test_have_a_unit(self, text: str) -> None:
        try:
            duration("0", "999999999d").parse(text)
        except Unreadable:
            assert not re.fullmatch(r"[0-9]{1,9}[smhd]|0", text)

    @pytest.mark.parametrize(
        "text", ["-1s", "1.5h", "1 h", "٣s", "1S", "1w", "s", "5", "00", "1e3s"]
    )
    def test_are_whole_numbers(self, text: str, folder: Path) -> None:
        assert "whole number and its unit" in problem(folder, STEP_UP_TTL=text)


class TestLimits:
    @given(st.integers(1, 1_000_000), st.integers(1, 30 * DAY // SECOND))
    def test_are_shown_as_they_can_be_written(self, count: int, seconds: int) -> None:
        rate = Allowance(count, seconds * SECOND)
        assert allowance().parse(allowance().show(rate)) == rate

    @given(st.integers(1, 100), st.integers(1, DAY // SECOND))
    def test_of_failures_likewise(self, failures: int, seconds: int) -> None:
        policy = LockoutPolicy(failures, seconds * SECOND)
        assert lockout().parse(lockout().show(policy)) == policy

    def test_can_be_off(self, folder: Path) -> None:
        settings = load(folder, LIMIT_SIGN_IN="off", LIMIT_AUTH="OFF", LOCKOUT="off")
        assert settings.limit_sign_in is None
        assert settings.limit_auth is None
        assert settings.lockout_policy is None
        shown = {row.name: row.value for row in settings.describe()}
        assert shown["WATCHWORD_LOCKOUT"] == "off"

    @pytest.mark.parametrize("text", ["5", "5/", "/5m", "0/5m", "5/0", "-1/5m", "5/10m/2", "none"])
    def test_are_a_count_in_a_period(self, text: str, folder: Path) -> None:
        assert problem(folder, LIMIT_AUTH=text).startswith("WATCHWORD_LIMIT_AUTH: ")

    def test_of_failures_end_where_the_password_is_disabled(self, folder: Path) -> None:
        assert "1 to 100" in problem(folder, LOCKOUT="101/15m")

    @pytest.mark.parametrize(
        ("text", "bytes_"), [("65536", 65536), ("64K", 65536), ("1m", 1 << 20)]
    )
    def test_of_a_body_are_bytes(self, text: str, bytes_: int, folder: Path) -> None:
        assert load(folder, BODY_LIMIT=text).body_limit == bytes_

    @given(st.integers(4096, 16 << 20))
    def test_of_a_body_are_shown_as_they_can_be_written(self, count: int) -> None:
        kind = size("4k", "16m")
        assert kind.parse(kind.show(count)) == count

    @pytest.mark.parametrize("text", ["1k", "17m", "64kb", "-1", "1g"])
    def test_of_a_body_have_ends(self, text: str, folder: Path) -> None:
        assert problem(folder, BODY_LIMIT=text).startswith("WATCHWORD_BODY_LIMIT: ")

    def test_of_sessions_choose_who_gives_way(self, folder: Path) -> None:
        policy = load(folder, MAX_SESSIONS="1", SESSION_LIMIT_POLICY="reject").session_policy
        assert (policy.limit, policy.evicts) == (1, False)
        assert "1 to 1000" in problem(folder, MAX_SESSIONS="0")
        assert "evict, reject" in problem(folder, SESSION_LIMIT_POLICY="both")


class TestWordsAndHashes:
    def test_are_read_in_any_case(self, folder: Path) -> None:
        settings = load(folder, SIGNING_ALGORITHM="es256", LOG_LEVEL="DEBUG", LOG_FORMAT="Json")
        assert settings.signing_algorithm is Algorithm.ES256
        assert (settings.log_level, settings.log_format) == ("debug", "json")

    def test_name_what_there_is(self, folder: Path) -> None:
        assert "EdDSA, ES256, RS256, HS256" in problem(folder, SIGNING_ALGORITHM="none")
        assert "console, json" in problem(folder, LOG_FORMAT="xml")

    @pytest.mark.parametrize(
        "text", ["argon2id", "bcrypt,12", "argon2i,m=19456,t=2,p=1", "argon2id,t=2,m=19456,p=1"]
    )
    def test_of_passwords_have_one_form(self, text: str, folder: Path) -> None:
        assert "argon2id,m=19456,t=2,p=1" in problem(folder, PASSWORD_HASH=text)

    @pytest.mark.parametrize("text", ["argon2id,m=7,t=1,p=1", "argon2id,m=64,t=0,p=1"])
    def test_of_passwords_are_such_as_argon2_can_make(self, text: str, folder: Path) -> None:
        assert "8 times p" in problem(folder, PASSWORD_HASH=text)

    def test_of_a_password_have_a_least_length(self, folder: Path) -> None:
        assert "8 to 128" in problem(folder, PASSWORD_MIN_LENGTH="7")


class TestRoles:
    def test_hold_what_is_granted_to_them(self, folder: Path) -> None:
        roles = load(folder, ROLES="support=users.read,sessions.read editor= boss=*").roles
        assert roles.granted_to("support") == {Permission.USERS_READ, Permission.SESSIONS_READ}
        assert roles.granted_to("editor") == frozenset()
        assert roles.granted_to("boss") == roles.granted_to("admin") == EVERYTHING
        assert roles.granted_to("user") == frozenset()

    def test_are_shown_as_they_can_be_written(self, folder: Path) -> None:
        settings = load(folder, ROLES="support=users.read,audit.read editor=")
        shown = next(row.value for row in settings.describe() if row.name == "WATCHWORD_ROLES")
        assert shown == "admin=* user= support=audit.read,users.read editor="
        assert load(folder, ROLES=shown).roles == settings.roles

    @pytest.mark.parametrize("name", ["login", "role", "status", "me", "sessions", "setup", "mfa"])
    def test_are_not_named_like_a_path(self, name: str, folder: Path) -> None:
        assert "named like a path" in problem(folder, ROLES=f"{name}=")

    @pytest.mark.parametrize("name", ["Editor", "9to5", "a" * 33, "ä", "-a", ""])
    def test_have_plain_names(self, name: str, folder: Path) -> None:
        assert "cannot name a role" in problem(folder, ROLES=f"{name}=")

    def test_hold_only_permissions_that_there_are(self, folder: Path) -> None:
        assert "Use users.read." in problem(folder, ROLES="support=user.read")
        assert "sessions.end" in problem(folder, ROLES="support=fly")

    def test_leave_admin_and_user_as_they_are(self, folder: Path) -> None:
        assert "admin=*" in problem(folder, ROLES="admin=users.read")
        assert "holds no permission" in problem(folder, ROLES="user=users.read")

    def test_are_named_once_each(self, folder: Path) -> None:
        assert "there twice" in problem(folder, ROLES="a= a=users.read")
        assert "with its permissions" in problem(folder, ROLES="support")


class TestServers:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("https://breaches.example.com/range", "https://breaches.example.com/range"),
            ("HTTPS://Breaches.Example.com:443/Range/", "https://breaches.example.com/Range"),
            ("https://breaches.example.com", "https://breaches.example.com"),
            ("https://breaches.example.com:8443/a/b-c_d.e~f", None),
            ("http://localhost:8080/range", None),
            ("http://127.0.0.1/range", None),
            ("http://[::1]:9/range", None),
        ],
    )
    def test_are_an_address_without_a_slash_at_the_end(
        self, written: str, meant: str | None, folder: Path
    ) -> None:
        assert load(folder, BREACH_URL=written).breach_url == (meant or written)

    @pytest.mark.parametrize(
        "written",
        [
            "breaches.example.com/range",
            "ftp://breaches.example.com/range",
            "https:///range",
            "https://user:word@breaches.example.com/range",
            "https://breaches.example.com/range?key=1",
            "https://breaches.example.com/range#part",
            "https://breaches.example.com/a/../range",
            "https://breaches.example.com//range",
            "https://breaches.example.com/a b",
            "https://breaches.example.com/%41",
            "https://br\u00e9aches.example.com/range",
            "https://breaches.example.com:0/range",
        ],
    )
    def test_are_nothing_else(self, written: str, folder: Path) -> None:
        assert "Write scheme, host and path" in problem(folder, BREACH_URL=written)

    @pytest.mark.parametrize("host", ["breaches.example.com", "10.0.0.7", "localhost.example.com"])
    def test_elsewhere_are_asked_over_tls(self, host: str, folder: Path) -> None:
        assert "with https" in problem(folder, BREACH_URL=f"http://{host}/range")


class TestTheStrictProfile:
    def test_has_the_choices_of_aal2(self, folder: Path) -> None:
        settings = load(folder, PROFILE="strict")
        policy = settings.session_policy
        assert settings.profile is Profile.STRICT
        assert settings.password_min_length == 15
        assert (policy.grace, policy.idle_ttl, policy.absolute_ttl) == (0, HOUR, DAY)

    def test_gives_way_to_what_is_written(self, folder: Path) -> None:
        settings = load(folder, PROFILE="strict", PASSWORD_MIN_LENGTH="12", REFRESH_GRACE="5s")
        assert (settings.password_min_length, settings.refresh_grace) == (12, 5 * SECOND)
        rows = {row.name: row for row in settings.describe()}
        assert rows["WATCHWORD_PASSWORD_MIN_LENGTH"].strict == "15"

    def test_tells_where_it_is_undercut_and_not_where_it_is_outdone(self, folder: Path) -> None:
        weak = {"PASSWORD_MIN_LENGTH": "14", "REFRESH_GRACE": "1s"}
        weaker = load(folder, PROFILE="strict", **weak, SESSION_ABSOLUTE_TTL="2d")
        assert [(row.name, row.value, row.strict) for row in weaker.below_profile()] == [
            ("WATCHWORD_SESSION_ABSOLUTE_TTL", "2d", "1d"),
            ("WATCHWORD_REFRESH_GRACE", "1s", "0"),
            ("WATCHWORD_PASSWORD_MIN_LENGTH", "14", "15"),
        ]
        strong = {"PASSWORD_MIN_LENGTH": "20", "SESSION_ABSOLUTE_TTL": "12h"}
        assert load(folder, PROFILE="strict", **strong).below_profile() == []
        assert load(folder, **weak).below_profile() == []


class TestTheDocumentation:
    def test_tells_of_every_setting_and_no_other(self) -> None:
        documented = re.findall(r"^\| `(WATCHWORD_\w+)`", DOCUMENT.read_text("utf-8"), re.MULTILINE)
        assert documented == NAMES

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
    def test_tells_what_holds(self, row: Row) -> None:
        lines = DOCUMENT.read_text("utf-8").splitlines()
        line = next(line for line in lines if line.startswith(f"| `{row.name}`"))
        _, default, meaning = (cell.strip() for cell in line.strip("|").split(" | "))
        strict = "" if row.strict is None else f"; strict: {row.strict}"
        assert default.replace("`", "") == row.default + strict
        assert meaning == row.meaning

    def test_tells_of_every_permission(self) -> None:
        text = DOCUMENT.read_text("utf-8")
        assert all(f"| `{permission}` |" in text for permission in Permission)
