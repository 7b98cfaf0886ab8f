"""Everything that a page may call; `watchword.bootstrap` fills it, once per process."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from watchword.crypto.opaque import SignedTexts
from watchword.domain.sessions import SessionPolicy
from watchword.flows.access import Access
from watchword.flows.addresses import Addresses
from watchword.flows.credentials import Credentials
from watchword.flows.exports import Exports
from watchword.flows.factor_reset import FactorReset
from watchword.flows.federation import Federation
from watchword.flows.grants import Grants
from watchword.flows.invitations import Invitations
from watchword.flows.keyring import KeyRing
from watchword.flows.magic_links import MagicLinks
from watchword.flows.passkey_sign_in import PasskeySignIn
from watchword.flows.passkeys import OwnPasskeys, PasskeyRegistration
from watchword.flows.password_sign_in import PasswordSignIn
from watchword.flows.recovery import Recovery
from watchword.flows.refresh import Refresh
from watchword.flows.registration import Registration, Setup
from watchword.flows.revocation_stream import RevocationStream
from watchword.flows.second_factors import Enrolment, SecondFactors
from watchword.flows.second_step import SecondStep
from watchword.flows.sessions import HeldTokens, SessionsOfUser
from watchword.flows.standings import Standings
from watchword.flows.users import Users
from watchword.ports import (
    Allowance,
    AuditReader,
    Clock,
    Limits,
    Meter,
)
from watchword.web.client_address import Network
from watchword.web.languages import Negotiation
from watchword.web.origins import Origins
from watchword.web.screens.rendering import Screens

# Raises `Unavailable` when it is not well.
Check = Callable[[], Awaitable[None]]


class RequestMeter(Meter, Protocol):
    """What the edge tells of each request, and what ``GET /metrics`` shows."""

    def request_done(self, route: str, status: int, seconds: float) -> None: ...

    def render(self) -> bytes: ...


class RequestLog(Protocol):
    """Structured log lines; a key that names a secret is never given to it."""

    def info(self, event: str, **fields: object) -> object: ...

    def warning(self, event: str, **fields: object) -> object: ...

    def error(self, event: str, **fields: object) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPolicy:
    """What the edge is configured to do. ``seconds`` bound how long a body may take to arrive;
    a limit that is None is off. ``hides_registrations``: what became of one is told by mail alone.
    """

    public_url: str
    cors_origins: Sequence[str]
    trusted_proxies: Sequence[Network]
    body_limit: int
    seconds: float
    limit_auth: Allowance | None
    limit_sign_in: Allowance | None
    limit_mail_client: Allowance | None
    hides_registrations: bool
    has_magic_links: bool
    password_min_length: int
    metrics_token: bytes | None
    service_tokens: Sequence[bytes] = field(repr=False)

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")


@dataclass(frozen=True, slots=True)
class FactorServices:
    """What pages may ask about second factors."""

    step: SecondStep
    enrolment: Enrolment
    upkeep: SecondFactors
    reset: FactorReset


@dataclass(frozen=True, slots=True)
class ByMail:
    """What is done by links that are mailed, and the languages that mail is written in."""

    recovery: Recovery
    addresses: Addresses
    magic_links: MagicLinks
    languages: Negotiation


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkeys:
    """What is done with passkeys: with a new one, by one, and with one's own."""

    registration: PasskeyRegistration
    sign_in: PasskeySignIn
    own: OwnPasskeys


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """As people see it, a secret hidden."""

    name: str
    value: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the console shows of this moment: ``live_sessions`` of the whole service, as far as they
    are worth counting, ``waiting_passwords`` of this process, and the settings that it began with.
    """

    live_sessions: Callable[[], Awaitable[int]]
    waiting_passwords: Callable[[], int]
    settings: Sequence[SettingInForce]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """``gather`` returns at once on a quiet server, and in a storm when others write as well.
    ``checks`` are what has to be well before requests should come here, by its name in the answer;
    ``leaving`` is set once the process is about to end, and requests should go elsewhere.
    """

    policy: WebPolicy
    sessions_policy: SessionPolicy
    access: Access
    standings: Standings
    registration: Registration
    setup: Setup
    sign_in: PasswordSignIn
    factors: FactorServices
    refresh: Refresh
    held_tokens: HeldTokens
    credentials: Credentials
    by_mail: ByMail
    passkeys: Passkeys
    federation: Federation
    invitations: Invitations
    sessions: SessionsOfUser
    users: Users
    audit: AuditReader
    exports: Exports
    figures: Figures
    grants: Grants
    keyring: KeyRing
    revocations: RevocationStream
    checks: Mapping[str, Check]
    limits: Limits
    gather: Callable[[], Awaitable[None]]
    cursors: SignedTexts
    csrf_tokens: SignedTexts
    origins: Origins
    screens: Screens
    clock: Clock
    meter: RequestMeter
    log: RequestLog
    seconds: Callable[[], float]
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
