"""The settings of other identity providers: ``WATCHWORD_PROVIDERS__<ID>__<MEMBER>``.

To add a provider that is known by name, give it a row in `_KNOWN`; to add a member, one in
`MEMBERS` and in docs/configuration.md (a test holds them equal).

Invariant: a provider that comes out of here is whole, and no id is a word of the route table.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from watchword.crypto.keys import SigningKey, UnusableKey
from watchword.crypto.secret import Secret
from watchword.domain.federation import (
    AppleKey,
    ConfiguredProvider,
    OAuthProvider,
    OpenIdProvider,
    require_endpoint,
)
from watchword.settings.credentials import HIDDEN
from watchword.settings.loading import Given
from watchword.settings.parsing import PREFIX, Kind, Row, Unreadable, text_line
from watchword.settings.reserved import RESERVED

FAMILY: Final = f"{PREFIX}PROVIDERS__"
OAUTH: Final = ("AUTHORIZE_URL", "TOKEN_URL", "USERINFO_URL")
APPLE: Final = ("TEAM_ID", "KEY_ID", "PRIVATE_KEY")
OPEN_ID_SCOPES: Final = ("openid", "email", "profile")

_VARIABLE: Final = re.compile(rf"{FAMILY}(?P<id>.+?)__(?P<member>.+)")
_ID: Final = re.compile(r"(?=.{1,32}\Z)[A-Z0-9]+(_[A-Z0-9]+)*")
_SCOPE: Final = re.compile(r"[!#-\[\]-~]+")  # RFC 6749 section 3.3
_KEY_TEXT: Final = re.compile(r"-----[A-Z ]+-----|\\n|\s")
_APPLE_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}")
_LONGEST_CLIENT_ID: Final = 512
_PLAIN: Final = re.compile(r"[!-~]+")


def _endpoint(text: str) -> str:
    try:
        return require_endpoint(text)
    except ValueError:
        raise Unreadable(
            "Write a whole address with https://; http:// is for this machine alone."
        ) from None


def _issuer(text: str) -> str:
    if "?" in text:
        raise Unreadable("Write the issuer without a query, exactly as its metadata names it.")
    return _endpoint(text)


def _client_id(text: str) -> str:
    if len(text) > _LONGEST_CLIENT_ID or _PLAIN.fullmatch(text) is None:
        raise Unreadable("Write the client id as the provider shows it, without spaces.")
    return text


def _scopes(text: str) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(text.split()))
    if not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise Unreadable("Write scopes separated by spaces, such as: openid email profile.")
    return scopes


def _apple_id(text: str) -> str:
    if _APPLE_ID.fullmatch(text) is None:
        raise Unreadable("Write the ten characters that Apple shows.")
    return text


def _private_key(text: str) -> Secret:
    """A PEM file in one line: its line ends written as spaces or as escapes, or left out."""
    pem = f"-----BEGIN PRIVATE KEY-----\n{_KEY_TEXT.sub('', text)}\n-----END PRIVATE KEY-----\n"
    try:
        SigningKey.from_pem(pem.encode(), "any")
    except UnusableKey:
        raise Unreadable(
            "Write the text of the .p8 file that Apple gave you, in one line, without line ends."
        ) from None
    return Secret(pem.encode())


@dataclass(frozen=True, slots=True)
class Member:
    """One setting of every provider."""

    name: str
    kind: Kind[Any]
    meaning: str


_ADDRESS: Final = Kind(_endpoint, str)
_SECRET: Final[Kind[Secret]] = Kind(lambda text: Secret(text.encode()), lambda _: HIDDEN)
MEMBERS: Final = (
    Member("NAME", text_line(64), "The name that people choose it by."),
    Member("CLIENT_ID", Kind(_client_id, str), "What the provider knows this server as."),
    Member("CLIENT_SECRET", _SECRET, "The secret that the provider gave out with it."),
    Member(
        "ISSUER",
        Kind(_issuer, str),
        "OpenID Connect: the issuer, exactly as its metadata names it. Everything else is "
        "discovered there.",
    ),
    Member("AUTHORIZE_URL", _ADDRESS, "OAuth 2: where the browser is sent."),
    Member("TOKEN_URL", _ADDRESS, "OAuth 2: where a code becomes a token."),
    Member("USERINFO_URL", _ADDRESS, "OAuth 2: what answers with the `id` of the token's holder."),
    Member("SCOPES", Kind(_scopes, " ".join), "What is asked for, separated by spaces."),
    Member("TEAM_ID", Kind(_apple_id, str), "Apple: the team."),
    Member("KEY_ID", Kind(_apple_id, str), "Apple: the key."),
    Member("PRIVATE_KEY", Kind(_private_key, lambda _: HIDDEN), "Apple: the key itself."),
)
_BY_NAME: Final = {member.name: member for member in MEMBERS}

_KNOWN: Final[dict[str, dict[str, Any]]] = {
    "google": {"NAME": "Google", "ISSUER": "https://accounts.google.com"},
    "microsoft": {
        "NAME": "Microsoft",
        "ISSUER": "https://login.microsoftonline.com/common/v2.0",
    },
    "apple": {
        "NAME": "Apple",
        "ISSUER": "https://appleid.apple.com",
        "SCOPES": ("openid", "email", "name"),
    },
    "github": {
        "NAME": "GitHub",
        "AUTHORIZE_URL": "https://github.com/login/oauth/authorize",
        "TOKEN_URL": "https://github.com/login/oauth/access_token",
        "USERINFO_URL": "https://api.github.com/user",
        "SCOPES": ("read:user", "user:email"),
    },
}
_GITHUB_ISSUER: Final = "https://github.com"
_GITHUB_EMAILS: Final = "https://api.github.com/user/emails"


def family(written: Iterable[str]) -> Collection[str]:
    """Every variable of each provider that is named; `read_providers` judges its id."""
    ids = {match["id"] for name in written if (match := _VARIABLE.fullmatch(name))}
    return {_variable(id_, member.name) for id_ in ids for member in MEMBERS}


def read_providers(
    found: Mapping[str, Given],
) -> tuple[tuple[ConfiguredProvider, ...], list[str]]:
    """The providers by id, and what is wrong: one line for each thing."""
    written: dict[str, dict[str, Given]] = {}
    for name, given in found.items():
        if match := _VARIABLE.fullmatch(name):
            written.setdefault(match["id"], {})[match["member"]] = given
    configured: list[ConfiguredProvider] = []
    problems: list[str] = []
    for word, members in sorted(written.items()):
        values, wrong = _read_members(members)
        wrong = wrong or [*_misnamed(word, members), *_misfits(word, values)]
        problems += wrong
        if not wrong:
            configured.append(_make(word, values))
    return tuple(configured), problems


def rows_of(provider: ConfiguredProvider) -> list[Row]:
    """A provider's settings as people see them, secrets hidden."""
    shown: dict[str, Any] = {"NAME": provider.name, "CLIENT_ID": provider.client_id}
    if isinstance(provider.client_secret, AppleKey):
        key = provider.client_secret
        shown |= {"TEAM_ID": key.team_id, "KEY_ID": key.key_id, "PRIVATE_KEY": key.pem}
    else:
        shown["CLIENT_SECRET"] = provider.client_secret
    if isinstance(provider, OpenIdProvider):
        shown["ISSUER"] = provider.issuer
    else:
        urls = (provider.authorize_url, provider.token_url, provider.userinfo_url)
        shown |= zip(OAUTH, urls, strict=True)
    shown["SCOPES"] = provider.scopes
    word = provider.id.replace("-", "_").upper()
    return [
        Row(_variable(word, member.name), member.kind.show(shown[member.name]), "", member.meaning)
        for member in MEMBERS
        if member.name in shown
    ]


def _variable(word: str, member: str) -> str:
    return f"{FAMILY}{word}__{member}"


def _id_of(word: str) -> str:
    return word.lower().replace("_", "-")


def _read_members(members: Mapping[str, Given]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for name, given in members.items():
        try:
            values[name] = _BY_NAME[name].kind.parse(given.text.strip())
        except Unreadable as refusal:
            wrong.append(f"{given.label}: {refusal}")
    return values, wrong


def _misnamed(word: str, members: Mapping[str, Given]) -> Iterator[str]:
    label = next(iter(members.values())).label
    if _ID.fullmatch(word) is None:
        yield (
            f"{label}: name the provider in at most 32 capital letters and digits, with single _ "
            "between them, such as MY_COMPANY, whose id is my-company."
        )
    elif _id_of(word) in RESERVED:
        yield f"{label}: the provider is named like a path. Choose another word."


def _misfits(word: str, values: Mapping[str, Any]) -> Iterator[str]:
    """What is missing, and what cannot stand beside the rest."""
    known = _KNOWN.get(_id_of(word), {})
    is_apple = _id_of(word) == "apple"
    needed = ["CLIENT_ID", *(APPLE if is_apple else ("CLIENT_SECRET",))]
    has_issuer = "ISSUER" in values or "ISSUER" in known
    if not has_issuer and not known:
        needed += OAUTH if any(name in values for name in OAUTH) else ("ISSUER",)
    for name in needed:
        if name not in values:
            yield f"{_variable(word, name)}: missing. docs/providers.md says where to find it."
    foreign = [*(("CLIENT_SECRET",) if is_apple else APPLE), *(OAUTH if has_issuer else ())]
    if known:
        foreign += OAUTH if "ISSUER" in known else ("ISSUER", *OAUTH)
        foreign += () if _id_of(word) == "microsoft" else ("ISSUER",)
    for name in dict.fromkeys(foreign):
        if name in values:
            yield f"{_variable(word, name)}: not for this provider. Leave it out."
    if has_issuer and "openid" not in values.get("SCOPES", OPEN_ID_SCOPES):
        yield f"{_variable(word, 'SCOPES')}: OpenID Connect needs the scope openid. Add it."


def _make(word: str, values: Mapping[str, Any]) -> ConfiguredProvider:
    id_ = _id_of(word)
    given = {"NAME": word.replace("_", " ").title(), **_KNOWN.get(id_, {}), **values}
    if "ISSUER" in given:
        is_apple = id_ == "apple"
        return OpenIdProvider(
            id=id_,
            name=given["NAME"],
            issuer=given["ISSUER"],
            client_id=given["CLIENT_ID"],
            client_secret=(
                AppleKey(given["TEAM_ID"], given["KEY_ID"], given["PRIVATE_KEY"])
                if is_apple
                else given["CLIENT_SECRET"]
            ),
            scopes=given.get("SCOPES", OPEN_ID_SCOPES),
            posts_back=is_apple,
        )
    is_github = id_ == "github"
    return OAuthProvider(
        id=id_,
        name=given["NAME"],
        # Subjects of two tenants of one host may be the same number: the whole address tells them
        # apart.
        issuer=_GITHUB_ISSUER if is_github else given["USERINFO_URL"],
        client_id=given["CLIENT_ID"],
        client_secret=given["CLIENT_SECRET"],
        authorize_url=given["AUTHORIZE_URL"],
        token_url=given["TOKEN_URL"],
        userinfo_url=given["USERINFO_URL"],
        emails_url=_GITHUB_EMAILS if is_github else None,
        scopes=given.get("SCOPES", ()),
    )
