"""The flows, each given what it needs, as the web's pages call them."""

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from urllib.parse import urlsplit

from watchword.adapters.argon2 import GatheringHasher
from watchword.bootstrap.by_mail import make_by_mail
from watchword.bootstrap.factors import make_factor_services
from watchword.bootstrap.federation import make_federation
from watchword.bootstrap.pages import make_screens
from watchword.bootstrap.parts import Ground, Shared
from watchword.bootstrap.passkeys import make_passkeys
from watchword.domain.passwords import Blocklist, PasswordPolicy, words_of_service
from watchword.domain.time import SECOND, Span
from watchword.flows.access import Access
from watchword.flows.attempts import Failures, PasswordProof
from watchword.flows.credentials import Credentials
from watchword.flows.devices import KnownDevices
from watchword.flows.exports import Exports
from watchword.flows.invitations import Invitations
from watchword.flows.new_passwords import NewPasswords
from watchword.flows.password_sign_in import PasswordSignIn
from watchword.flows.refresh import Refresh
from watchword.flows.registration import Registration, Setup
from watchword.flows.revocation_stream import RevocationStream
from watchword.flows.risk import SignInRisk
from watchword.flows.sessions import HeldTokens, SessionsOfUser
from watchword.flows.sign_in import SessionOpener
from watchword.flows.users import Users
from watchword.ports import Clock
from watchword.settings import Settings
from watchword.web.origins import Origins
from watchword.web.services import (
    Check,
    FactorServices,
    Figures,
    Services,
    SettingInForce,
    WebPolicy,
)

_GATHERING: Span = 25


def make_services(ground: Ground, shared: Shared) -> Services:
    store, clock, passwords = ground.store, ground.clock, _passwords(ground)
    proof, opener = _proof(ground), _opener(ground, shared)
    factors, registration = _factors(ground, proof, opener), _registration(ground, passwords)
    return Services(
        policy=_web_policy(ground.settings),
        sessions_policy=ground.settings.session_policy,
        access=_access(shared, clock),
        standings=shared.standings,
        registration=registration,
        setup=Setup(store, registration, opener, clock, ground.randomness),
        sign_in=_password_sign_in(ground, proof, factors),
        factors=factors,
        refresh=_refresh(ground, shared),
        held_tokens=_held_tokens(ground, shared),
        credentials=_credentials(ground, proof, factors, passwords),
        by_mail=make_by_mail(ground, proof, passwords, factors.step),
        passkeys=make_passkeys(ground, opener),
        federation=make_federation(ground, registration, factors.step),
        invitations=_invitations(ground, registration),
        sessions=SessionsOfUser(store, clock),
        users=Users(store, ground.stores.lockouts, ground.settings.roles, clock),
        audit=store.reading.audit,
        exports=Exports(store, shared.standings, clock),
        figures=_figures(ground),
        grants=shared.grants,
        keyring=shared.keyring,
        revocations=RevocationStream(store.feed, clock, perf_counter),
        checks=_checks(ground, shared),
        limits=ground.stores.limits,
        gather=_gathering(ground),
        cursors=ground.secrets.signed_texts("cursors"),
        csrf_tokens=ground.secrets.signed_texts("csrf tokens"),
        origins=Origins(ground.user_agents, ground.places),
        screens=make_screens(ground.settings, ground.log),
        clock=clock,
        meter=ground.meter,
        log=ground.log,
        seconds=perf_counter,
    )


def _factors(ground: Ground, proof: PasswordProof, opener: SessionOpener) -> FactorServices:
    return make_factor_services(ground, proof.failures, opener)


def _registration(ground: Ground, passwords: NewPasswords) -> Registration:
    return Registration(
        ground.store,
        ground.hasher,
        passwords,
        ground.postman,
        ground.clock,
        ground.randomness,
    )


def _figures(ground: Ground) -> Figures:
    store, clock, pool = ground.store, ground.clock, ground.pool

    async def live_sessions() -> int:
        return await store.count_live_sessions(clock.now())

    return Figures(
        live_sessions=live_sessions,
        waiting_passwords=lambda: pool.depth,
        settings=[
            SettingInForce(row.name, row.value, row.default, row.meaning)
            for row in ground.settings.describe()
        ],
    )


def _checks(ground: Ground, shared: Shared) -> Mapping[str, Check]:
    """What a request may need; another product that keeps a part of it has a line here."""

    async def database() -> None:
        await ground.store.check()
        await shared.keyring.keys()

    counters = ground.stores.counters
    return (
        {"database": database}
        if counters is None
        else {
            "database": database,
            "redis": counters.check,
        }
    )


def _gathering(ground: Ground) -> Callable[[], Awaitable[None]]:
    """While passwords wait to be hashed, nobody is in a hurry: sign-ins that come are counted, and
    those that are done are written down, together in one commit.
    """
    pool, store = ground.pool, ground.store

    async def gather() -> None:
        if pool.depth:
            await store.gather(_GATHERING)

    return gather


def _proof(ground: Ground) -> PasswordProof:
    return PasswordProof(_failures(ground), GatheringHasher(ground.hasher, _gathering(ground)))


def _access(shared: Shared, clock: Clock) -> Access:
    return Access(
        shared.tokens, shared.grants.cookies, shared.keyring, shared.standings, clock=clock
    )


def _held_tokens(ground: Ground, shared: Shared) -> HeldTokens:
    opaque = (shared.grants.refresh_tokens, shared.grants.cookies)
    return HeldTokens(ground.store, opaque, shared.tokens, shared.keyring, ground.clock)


def _failures(ground: Ground) -> Failures:
    return Failures(
        ground.store,
        ground.stores.lockouts,
        ground.clock,
        ground.meter,
        ground.settings.lockout_policy,
        ground.postman,
    )


def _password_sign_in(
    ground: Ground, proof: PasswordProof, factors: FactorServices
) -> PasswordSignIn:
    return PasswordSignIn(
        ground.store,
        proof,
        factors.step,
        ground.hasher,
        ground.clock,
        ground.meter,
        ground.settings.needs_verified_email,
    )


def _credentials(
    ground: Ground, proof: PasswordProof, factors: FactorServices, passwords: NewPasswords
) -> Credentials:
    return Credentials(
        ground.store,
        proof,
        factors.step.proof,
        factors.step.opener,
        ground.hasher,
        passwords,
        ground.postman,
        ground.clock,
    )


def _invitations(ground: Ground, registration: Registration) -> Invitations:
    settings = ground.settings
    return Invitations(
        ground.store,
        registration,
        ground.postman,
        settings.roles,
        ground.clock,
        settings.session_policy.step_up_ttl,
    )


def _refresh(ground: Ground, shared: Shared) -> Refresh:
    return Refresh(
        ground.store,
        shared.grants,
        shared.standings,
        ground.postman,
        ground.clock,
        ground.meter,
        ground.settings.refresh_grace,
    )


def _opener(ground: Ground, shared: Shared) -> SessionOpener:
    cookies = ground.secrets.signed_texts("device cookies")
    risk = SignInRisk(
        KnownDevices(ground.store, cookies, ground.randomness),
        ground.places,
        ground.settings.risk_policy,
        ground.postman,
        ground.clock,
        ground.meter,
    )
    return SessionOpener(
        shared.grants,
        risk,
        ground.settings.session_policy,
        ground.clock,
        ground.randomness,
    )


def _passwords(ground: Ground) -> NewPasswords:
    settings = ground.settings
    host = urlsplit(settings.public_url).hostname or ""
    words = words_of_service(host) | {settings.service_name}
    rules = PasswordPolicy(settings.password_min_length, words, Blocklist.embedded())
    return NewPasswords(rules, ground.breaches)


def _web_policy(settings: Settings) -> WebPolicy:
    token = settings.metrics_token
    return WebPolicy(
        public_url=settings.public_url,
        cors_origins=settings.cors_origins,
        trusted_proxies=settings.trusted_proxies,
        body_limit=settings.body_limit,
        seconds=settings.request_timeout / SECOND,
        limit_auth=settings.limit_auth,
        limit_sign_in=settings.limit_sign_in,
        limit_mail_client=settings.limit_mail_client,
        hides_registrations=settings.needs_verified_email,
        has_magic_links=not settings.is_strict,
        password_min_length=settings.password_min_length,
        metrics_token=token.reveal() if token is not None else None,
        service_tokens=[token.reveal() for token in settings.service_tokens],
    )
