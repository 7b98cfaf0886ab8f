"""The settings as the rest of Watchword sees them: read, checked against each other, frozen.

Invariant: settings that contradict each other do not come out of `Settings.load`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from watchword.domain.federation import ConfiguredProvider
from watchword.domain.mail import Mailbox
from watchword.domain.risk import RiskPolicy
from watchword.domain.roles import USER, Roles
from watchword.domain.sessions import SessionPolicy
from watchword.domain.time import DAY
from watchword.settings.choices import (
    EmailVerification,
    Profile,
    Revocation,
    RevocationMessages,
    SessionLimit,
    SessionStore,
)
from watchword.settings.declared_pages import DeclaredPages
from watchword.settings.loading import Given, SettingsError, gather
from watchword.settings.parsing import Row, Setting, Unreadable, show_duration
from watchword.settings.providers import family, read_providers, rows_of
from watchword.settings.stores import ServerUrl

_DATABASE = "watchword.db"
_MAIL = "mail"
_GEO = "geo"
_PLACES = "places.mmdb"
_MAXMIND = "https://download.maxmind.com/geoip/databases/GeoLite2-City/download?suffix=tar.gz"
_MORE_IS_STRICTER = frozenset({"password_min_length"})  # of what a profile chooses, less is, else


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(DeclaredPages):
    """What the operator decided.

    `load` is the door for a server. An embedding application may make one directly: every field
    that it leaves out has the standard default, and its values are taken as they are.
    """

    providers: tuple[ConfiguredProvider, ...] = ()

    def __post_init__(self) -> None:
        if not self.audience:
            object.__setattr__(self, "audience", self.public_url)

    @classmethod
    def load(
        cls, environ: Mapping[str, str] | None = None, *, directory: Path | None = None
    ) -> "Settings":
        """The environment over the `.env` of ``directory``, by default the working directory.

        Relative paths count from there. Raise `SettingsError` that names everything that is wrong,
        an unknown ``WATCHWORD_…`` variable among it.
        """
        folder = (directory or Path.cwd()).absolute()
        entries = _entries()
        known = {entry.variable: entry for entry in entries.values()}
        found, problems = gather(known.keys(), family, environ, folder)
        values, unreadable = _read(entries, found)
        if "WATCHWORD_SESSION_IDLE_TTL" not in found:
            # A short absolute lifetime alone is a clear wish: the default gives way to it.
            values["session_idle_ttl"] = min(
                values["session_idle_ttl"], values["session_absolute_ttl"]
            )
        values["data_dir"] = folder / values["data_dir"]
        for name in ("smtp_ca_file", "templates"):
            values[name] = values[name] and folder / values[name]
        if isinstance(values["database_url"], Path):
            values["database_url"] = folder / values["database_url"]
        for name in ("breach_file", "geo_database"):
            if values[name] is not None:
                values[name] = folder / values[name]
        configured, misread = read_providers(found)
        settings = cls(**values, providers=configured)
        problems += [*unreadable.values(), *misread]
        problems += [text for name, text in _conflicts(settings) if name not in unreadable]
        if problems:
            raise SettingsError(problems)
        return settings

    def describe(self) -> list[Row]:
        """Every setting as people see it, secrets hidden."""
        rows = [entry.row(getattr(self, name)) for name, entry in _entries().items()]
        return rows + [row for provider in self.providers for row in rows_of(provider)]

    def below_profile(self) -> list[Row]:
        """What is written and weaker than the strict profile, where that is chosen."""
        return [
            entry.row(getattr(self, name))
            for name, entry in _entries().items()
            if self.is_strict and entry.strict is not None and self._is_weaker(name, entry)
        ]

    def _is_weaker(self, name: str, entry: Setting[Any]) -> bool:
        value, strict = getattr(self, name), entry.kind.parse(entry.default_in(strict=True))
        return bool(value < strict if name in _MORE_IS_STRICTER else value > strict)

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def is_strict(self) -> bool:
        return self.profile is Profile.STRICT

    @property
    def needs_verified_email(self) -> bool:
        return self.email_verification is EmailVerification.REQUIRED

    @property
    def roles_in_force(self) -> Roles:
        return replace(self.roles, multi_factor=frozenset(self.mfa_roles))

    @property
    def database(self) -> Path | ServerUrl:
        """The file of SQLite, or the server that takes its place."""
        return self.data_dir / _DATABASE if self.database_url is None else self.database_url

    @property
    def database_path(self) -> Path:
        """The file of SQLite. Raise `LookupError` when there is none."""
        match self.database:
            case Path() as path:
                return path
            case ServerUrl():
                raise LookupError("The data is kept by a server, and in no file.")

    @property
    def mail_dir(self) -> Path:
        """Where mail is written to as long as no relay is named."""
        return self.data_dir / _MAIL

    @property
    def geo_dir(self) -> Path:
        """Where databases of places are, and copies of those in use."""
        return self.data_dir / _GEO

    @property
    def geo_file(self) -> Path:
        """The database of places, if there is one."""
        return self.geo_dir / _PLACES if self.geo_database is None else self.geo_database

    @property
    def geo_source(self) -> str | None:
        """Where newer ones come from; None: nobody has said that any are to be fetched."""
        if self.geo_download_url is not None:
            return self.geo_download_url
        return _MAXMIND if self.maxmind_license_key is not None else None

    @property
    def sender(self) -> Mailbox:
        """Whom mail comes from; a host that is an address stands in brackets (RFC 5321 4.1.3)."""
        if self.mail_from is not None:
            return self.mail_from
        host = urlsplit(self.public_url).hostname or ""
        if ":" in host:
            host = f"[IPv6:{host}]"
        elif host.rpartition(".")[2].isdigit():
            host = f"[{host}]"
        return Mailbox(self.service_name, f"no-reply@{host}")

    @property
    def session_policy(self) -> SessionPolicy:
        return SessionPolicy(
            idle_ttl=self.session_idle_ttl,
            absolute_ttl=self.session_absolute_ttl,
            unremembered_ttl=min(DAY, self.session_absolute_ttl),
            grace=self.refresh_grace,
            step_up_ttl=self.step_up_ttl,
            limit=self.max_sessions,
            evicts=self.session_limit is SessionLimit.EVICT,
            # What is remembered never stands in for a proof (NIST SP 800-63B-4 section 5.1).
            trusts_devices=not self.is_strict,
        )

    @property
    def risk_policy(self) -> RiskPolicy:
        return RiskPolicy(
            new_device=self.risk_new_device,
            new_country=self.risk_new_country,
            travel=self.risk_travel,
            anonymiser=self.risk_anonymiser,
            allowed=frozenset(self.countries_allowed),
            blocked=frozenset(self.countries_blocked),
        )


def _entries() -> dict[str, Setting[Any]]:
    """The declarations by the name of their field."""
    return {field.name: field.metadata["setting"] for field in fields(DeclaredPages)}


def _read(
    entries: Mapping[str, Setting[Any]], found: Mapping[str, Given]
) -> tuple[dict[str, Any], dict[str, str]]:
    """A value for every field, and what is wrong by variable. What cannot be read has its default
    meanwhile, so that the rest can still be checked.
    """
    values: dict[str, Any] = {}
    unreadable: dict[str, str] = {}
    for name, entry in entries.items():
        # The profile is the first entry, so that it is known to those that depend on it.
        strict = values.get("profile") is Profile.STRICT
        given = found.get(entry.variable)
        values[name] = entry.kind.parse(entry.default_in(strict=strict))
        if given is not None:
            text = given.text if entry.kind.verbatim else given.text.strip()
            try:
                values[name] = entry.kind.parse(text)
            except Unreadable as refusal:
                unreadable[entry.variable] = f"{given.label}: {refusal}"
    return values, unreadable


def _conflicts(settings: Settings) -> Iterator[tuple[str, str]]:
    """Settings that are well written and cannot stand together: the variable to blame, and why."""
    if settings.session_idle_ttl > settings.session_absolute_ttl:
        most = show_duration(settings.session_absolute_ttl)
        name = "WATCHWORD_SESSION_IDLE_TTL"
        yield name, f"{name}: longer than WATCHWORD_SESSION_ABSOLUTE_TTL. Use at most {most}."
    if settings.admin_email and settings.admin_password is None:
        name = "WATCHWORD_ADMIN_PASSWORD"
        yield name, f"{name}: missing beside WATCHWORD_ADMIN_EMAIL. Set both, or neither."
    if settings.admin_password and settings.admin_email is None:
        name = "WATCHWORD_ADMIN_EMAIL"
        yield name, f"{name}: missing beside WATCHWORD_ADMIN_PASSWORD. Set both, or neither."
    if settings.revocation_messages is RevocationMessages.REDIS:
        name = "WATCHWORD_REVOCATION_MESSAGES"
        for text in _conflicts_of_messages(settings):
            yield name, f"{name}: {text}"
    if settings.maxmind_account_id is None and settings.maxmind_license_key is not None:
        name = "WATCHWORD_MAXMIND_ACCOUNT_ID"
        yield name, f"{name}: missing beside WATCHWORD_MAXMIND_LICENSE_KEY. Set both, or neither."
    if settings.maxmind_account_id is not None and settings.maxmind_license_key is None:
        name = "WATCHWORD_MAXMIND_LICENSE_KEY"
        yield name, f"{name}: missing beside WATCHWORD_MAXMIND_ACCOUNT_ID. Set both, or neither."
    if settings.session_store is SessionStore.REDIS and settings.redis_url is None:
        name = "WATCHWORD_SESSION_STORE"
        yield name, f"{name}: redis needs a server. Name it in WATCHWORD_REDIS_URL."
    for country in sorted({*settings.countries_allowed} & {*settings.countries_blocked}):
        name = "WATCHWORD_COUNTRIES_BLOCKED"
        yield name, f"{name}: {country} is in WATCHWORD_COUNTRIES_ALLOWED as well. Leave one out."
    for role in settings.mfa_roles:
        name = "WATCHWORD_MFA_ROLES"
        if role not in settings.roles.permissions:
            yield name, f"{name}: names a role that is not in WATCHWORD_ROLES."
        elif role == USER:
            yield name, f"{name}: user is what people are without a second factor. Leave it out."


def _conflicts_of_messages(settings: Settings) -> Iterator[str]:
    if isinstance(settings.database, Path):
        yield "redis is for a database server. Leave it out, or set WATCHWORD_DATABASE_URL."
    if settings.redis_url is None:
        yield "redis needs a Redis. Set WATCHWORD_REDIS_URL, or leave it out."
    if settings.revocation is Revocation.STRICT:
        yield (
            "nodes can confirm what they have heard by the database alone. Leave it out, or"
            " WATCHWORD_REVOCATION=strict."
        )
