"""Other identity providers in the settings: whole, well named, and reached over https."""

import re
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey

from watchword.crypto.keys import SigningKey
from watchword.crypto.secret import Secret
from watchword.domain.federation import AppleKey, OAuthProvider, OpenIdProvider
from watchword.settings import Settings, SettingsError
from watchword.settings.providers import FAMILY, MEMBERS
from watchword.settings.reserved import RESERVED
from watchword.web.app import ROUTES

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "configuration.md"
PEM = ECKey.generate_key("P-256").as_pem(private=True).decode()
OAUTH = {
    "AUTHORIZE_URL": "https://a.example/authorize",
    "TOKEN_URL": "https://a.example/token",
    "USERINFO_URL": "https://a.example/me?fields=id",
}


def load(folder: Path, word: str, **members: str) -> Settings:
    environ = {f"{FAMILY}{word}__{name}": text for name, text in members.items()}
    return Settings.load(environ, directory=folder)


def given(folder: Path, word: str, **members: str) -> object:
    both = {"CLIENT_ID": "id", "CLIENT_SECRET": "hush", **members}
    (only,) = load(folder, word, **both).providers
    return only


def problems(folder: Path, word: str, **members: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(folder, word, **members)
    return "\n".join(caught.value.problems)


class TestAProvider:
    def test_is_there_only_if_it_is_named(self, tmp_path: Path) -> None:
        assert Settings.load({}, directory=tmp_path).providers == ()

    def test_of_openid_connect_needs_its_issuer_alone(self, tmp_path: Path) -> None:
        assert given(tmp_path, "MY_COMPANY", ISSUER="https://id.example/realms/a") == (
            OpenIdProvider(
                id="my-company",
                name="My Company",
                issuer="https://id.example/realms/a",
                client_id="id",
                client_secret=Secret(b"hush"),
            )
        )

    def test_of_oauth_is_its_own_issuer_by_the_address_that_says_who_it_is(
        self, tmp_path: Path
    ) -> None:
        provider = given(tmp_path, "FORGE", NAME="The forge", SCOPES="read  me read", **OAUTH)
        assert isinstance(provider, OAuthProvider)
        assert provider.issuer == OAUTH["USERINFO_URL"]
        assert (provider.name, provider.scopes) == ("The forge", ("read", "me"))
        assert provider.emails_url is None

    @pytest.mark.parametrize(
        ("word", "issuer"),
        [
            ("GOOGLE", "https://accounts.google.com"),
            ("MICROSOFT", "https://login.microsoftonline.com/common/v2.0"),
        ],
    )
    def test_that_is_known_needs_no_address(self, word: str, issuer: str, tmp_path: Path) -> None:
        provider = given(tmp_path, word)
        assert isinstance(provider, OpenIdProvider)
        assert (provider.issuer, provider.posts_back) == (issuer, False)

    def test_of_github_has_its_list_of_addresses(self, tmp_path: Path) -> None:
        provider = given(tmp_path, "GITHUB")
        assert isinstance(provider, OAuthProvider)
        assert provider.issuer == "https://github.com"
        assert provider.emails_url == "https://api.github.com/user/emails"
        assert provider.scopes == ("read:user", "user:email")

    def test_of_microsoft_may_be_one_tenants(self, tmp_path: Path) -> None:
        tenant = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"
        provider = given(tmp_path, "MICROSOFT", ISSUER=tenant)
        assert isinstance(provider, OpenIdProvider)
        assert provider.issuer == tenant

    @pytest.mark.parametrize(
        "text",
        [
            PEM.replace("\n", "\\n"),
            PEM.replace("\n", " "),
            "".join(PEM.strip().splitlines()[1:-1]),
        ],
    )
    def test_of_apple_has_a_key_for_a_secret(self, text: str, tmp_path: Path) -> None:
        members = {"CLIENT_ID": "org.example", "TEAM_ID": "TEAM1", "KEY_ID": "KEY1"}
        (provider,) = load(tmp_path, "APPLE", PRIVATE_KEY=text, **members).providers
        assert isinstance(provider, OpenIdProvider)
        key = provider.client_secret
        assert isinstance(key, AppleKey)
        assert (key.team_id, key.key_id) == ("TEAM1", "KEY1")
        read = SigningKey.from_pem(key.pem.reveal(), key.key_id).public_jwk()
        assert read == SigningKey.from_pem(PEM.encode(), "KEY1").public_jwk()
        assert provider.posts_back

    def test_may_stand_in_the_file_and_beside_others(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text(
            "WATCHWORD_PROVIDERS__GOOGLE__CLIENT_ID=g\nWATCHWORD_PROVIDERS__GOOGLE__CLIENT_SECRET=s"
        )
        settings = load(tmp_path, "B", CLIENT_ID="i", CLIENT_SECRET="s", ISSUER="https://b.example")
        assert [provider.id for provider in settings.providers] == ["b", "google"]


class TestWhatIsWrong:
    def test_missing_is_named_with_its_variable(self, tmp_path: Path) -> None:
        told = problems(tmp_path, "GOOGLE", NAME="G")
        assert "WATCHWORD_PROVIDERS__GOOGLE__CLIENT_ID: missing" in told
        assert "WATCHWORD_PROVIDERS__GOOGLE__CLIENT_SECRET: missing" in told
        assert "__ISSUER: missing" in problems(tmp_path, "X", CLIENT_ID="i", CLIENT_SECRET="s")
        told = problems(tmp_path, "X", TOKEN_URL="https://a.example/t")
        assert "__AUTHORIZE_URL: missing" in told
        assert "__KEY_ID: missing" in problems(tmp_path, "APPLE", CLIENT_ID="i", TEAM_ID="T")

    def test_misspelt_is_put_right(self, tmp_path: Path) -> None:
        told = problems(tmp_path, "GOOGLE", CLIENTID="i")
        assert "Did you mean WATCHWORD_PROVIDERS__GOOGLE__CLIENT_ID?" in told

    @pytest.mark.parametrize("word", ["my_co", "A-B", "_A", "Ä", "A" * 33])
    def test_a_name_that_is_no_id_is_told_how_to_be_one(self, word: str, tmp_path: Path) -> None:
        told = problems(
            tmp_path, word, CLIENT_ID="i", CLIENT_SECRET="s", ISSUER="https://a.example"
        )
        assert "MY_COMPANY" in told

    @pytest.mark.parametrize("word", ["LOGIN", "CHANGE_PASSWORD", "PROVIDERS", "ME"])
    def test_a_name_of_the_route_table_is_refused(self, word: str, tmp_path: Path) -> None:
        told = problems(
            tmp_path, word, CLIENT_ID="i", CLIENT_SECRET="s", ISSUER="https://a.example"
        )
        assert "named like a path" in told

    @pytest.mark.parametrize(
        ("word", "members"),
        [
            ("GOOGLE", {"ISSUER": "https://evil.example"}),
            ("GOOGLE", OAUTH),
            ("GITHUB", {"ISSUER": "https://github.com"}),
            ("GITHUB", OAUTH),
            ("GOOGLE", {"TEAM_ID": "T"}),
            ("X", {"ISSUER": "https://a.example", **OAUTH}),
        ],
    )
    def test_what_does_not_belong_there_is_told_to_leave(
        self, word: str, members: dict[str, str], tmp_path: Path
    ) -> None:
        told = problems(tmp_path, word, CLIENT_ID="i", CLIENT_SECRET="s", **members)
        assert "not for this provider" in told

    @pytest.mark.parametrize(
        ("member", "text"),
        [
            ("ISSUER", "http://a.example"),
            ("ISSUER", "a.example"),
            ("ISSUER", "https://a.example?b"),
            ("ISSUER", "https://a.example/#b"),
            ("ISSUER", "https://user@a.example"),
            ("ISSUER", "ftp://a.example"),
            ("CLIENT_ID", "two words"),
            ("SCOPES", 'openid "email"'),
            ("SCOPES", "email profile"),
            ("NAME", "n" * 65),
            ("TEAM_ID", "team/1"),
        ],
    )
    def test_a_value_that_cannot_be_used_is_told_and_not_repeated(
        self, member: str, text: str, tmp_path: Path
    ) -> None:
        members = {"CLIENT_ID": "i", "CLIENT_SECRET": "s", "ISSUER": "https://b.example"}
        told = problems(tmp_path, "X", **{**members, member: text})
        assert f"WATCHWORD_PROVIDERS__X__{member}: " in told
        assert text not in told

    @pytest.mark.parametrize(
        "issuer", ["http://localhost:9000", "http://127.0.0.1", "http://[::1]"]
    )
    def test_plain_http_is_for_this_machine(self, issuer: str, tmp_path: Path) -> None:
        assert getattr(given(tmp_path, "X", ISSUER=issuer), "issuer", None) == issuer

    @pytest.mark.parametrize(
        "key",
        [
            "no key",
            RSAKey.generate_key(2048).as_pem(private=True).decode().replace("\n", " "),
            ECKey.generate_key("P-384").as_pem(private=True).decode().replace("\n", " "),
            ECKey.generate_key("P-256").as_pem(private=False).decode().replace("\n", " "),
        ],
        ids=["text", "RSA", "P-384", "public"],
    )
    def test_a_key_that_apple_did_not_make_is_told(self, key: str, tmp_path: Path) -> None:
        members = {"CLIENT_ID": "i", "TEAM_ID": "T", "KEY_ID": "K", "PRIVATE_KEY": key}
        told = problems(tmp_path, "APPLE", **members)
        assert "__PRIVATE_KEY: Write the text of the .p8 file" in told
        assert key not in told


class TestWhatIsShown:
    def test_hides_the_secrets(self, tmp_path: Path) -> None:
        settings = load(
            tmp_path, "X", CLIENT_ID="i", CLIENT_SECRET="hush-hush", ISSUER="https://a.example"
        )
        rows = {row.name: row.value for row in settings.describe() if "PROVIDERS" in row.name}
        assert rows == {
            "WATCHWORD_PROVIDERS__X__NAME": "X",
            "WATCHWORD_PROVIDERS__X__CLIENT_ID": "i",
            "WATCHWORD_PROVIDERS__X__CLIENT_SECRET": "<hidden>",
            "WATCHWORD_PROVIDERS__X__ISSUER": "https://a.example",
            "WATCHWORD_PROVIDERS__X__SCOPES": "openid email profile",
        }
        assert "hush-hush" not in repr(settings)

    def test_of_oauth_and_of_apple_likewise(self, tmp_path: Path) -> None:
        environ = {
            **{f"{FAMILY}FORGE__{name}": text for name, text in OAUTH.items()},
            f"{FAMILY}FORGE__CLIENT_ID": "i",
            f"{FAMILY}FORGE__CLIENT_SECRET": "hush-hush",
            f"{FAMILY}APPLE__CLIENT_ID": "i",
            f"{FAMILY}APPLE__TEAM_ID": "T",
            f"{FAMILY}APPLE__KEY_ID": "K",
            f"{FAMILY}APPLE__PRIVATE_KEY": PEM.replace("\n", " "),
        }
        settings = Settings.load(environ, directory=tmp_path)
        rows = {row.name: row.value for row in settings.describe()}
        assert rows[f"{FAMILY}APPLE__PRIVATE_KEY"] == "<hidden>"
        assert rows[f"{FAMILY}FORGE__TOKEN_URL"] == OAUTH["TOKEN_URL"]
        assert PEM.splitlines()[1] not in f"{settings!r} {rows}"

    def test_is_documented_member_by_member(self) -> None:
        rows = re.findall(
            r"^\| `WATCHWORD_PROVIDERS__<ID>__(\w+)` \| (.*) \|$",
            DOCUMENT.read_text("utf-8"),
            re.MULTILINE,
        )
        assert rows == [(member.name, member.meaning) for member in MEMBERS]


def test_every_word_behind_auth_is_reserved() -> None:
    """A provider's id stands in the same place."""
    paths = [route.path.split("/") for route in ROUTES]
    words = {path[2] for path in paths if path[1] == "auth" and not path[2].startswith("{")}
    assert words <= RESERVED
