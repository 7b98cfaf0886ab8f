"""The flows, each given what it needs, as the web's pages call them."""

from collections.abc import Awaitable, Callable
from time import perf_counter
from urllib.parse import urlsplit

from watchword.adapters.argon2 import GatheringHasher
from watchword.bootstrap.federation import make_federation
from watchword.bootstrap.parts import Ground, Shared
from watchword.domain.passwords import Blocklist, PasswordPolicy, words_of_service
from watchword.domain.time import SECOND, Span
from watchword.flows.access import Access
from watchword.flows.addresses import Addresses
from watchword.flows.attempts import PasswordProof
from watchword.flows.credentials import Credentials
from watchword.flows.devices import KnownDevices
from watchword.flows.invitations import Invitations
from watchword.flows.magic_links import MagicLinks
from watchword.flows.new_passwords import NewPasswords
from watchword.flows.recovery import Recovery
from watchword.flows.refresh import Refresh
from watchword.flows.registration import Registration, Setup
from watchword.flows.sessions import HeldTokens, SessionsOfUser
from watchword.flows.sign_in import PasswordSignIn, SessionOpener
from watchword.flows.users import Users
from watchword.settings import Settings
from watchword.web.services import Services, WebPolicy

_GATHERING: Span = 25


def make_services(ground: Ground, shared: Shared) -> Services:
    settings, store, clock = ground.settings, ground.store, ground.clock
    grants, keyring, secrets = shared.grants, shared.keyring, ground.secrets
    opener, passwords, gather = _opener(ground, shared), _passwords(ground), _gathering(ground)
    postman, proof = ground.postman, _proof(ground, gather)
    registration = Registration(store, ground.hasher, passwords, postman, clock, ground.randomness)
    opaque = (grants.refresh_tokens, grants.cookies)
    grace = settings.refresh_grace
    return Services(
        policy=_web_policy(settings),
        sessions_policy=settings.session_policy,
        access=Access(shared.tokens, grants.cookies, keyring, shared.standings, clock=clock),
        standings=shared.standings,
        registration=registration,
        setup=Setup(store, registration, opener, clock, ground.randomness),
        sign_in=_password_sign_in(ground, proof, opener),
        refresh=Refresh(store, grants, shared.standings, postman, clock, ground.meter, grace),
        held_tokens=HeldTokens(store, opaque, shared.tokens, keyring, clock),
        credentials=Credentials(store, proof, opener, ground.hasher, passwords, postman, clock),
        recovery=Recovery(store, postman, proof, ground.hasher, passwords, clock),
        addresses=Addresses(store, postman, clock),
        magic_links=MagicLinks(store, postman, opener, clock, ground.randomness),
        federation=make_federation(ground, registration, opener),
        invitations=Invitations(store, registration, postman, settings.roles),
        sessions=SessionsOfUser(store, clock),
        users=Users(store, store.lockouts, settings.roles, clock),
        audit=store.reading.audit,
        grants=grants,
        keyring=keyring,
        store=store,
        limits=store.limits,
        gather=gather,
        cursors=secrets.signed_texts("cursors"),
        csrf_tokens=secrets.signed_texts("csrf tokens"),
        user_agents=ground.user_agents,
        clock=clock,
        meter=ground.meter,
        log=ground.log,
        seconds=perf_counter,
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


def _proof(ground: Ground, gather: Callable[[], Awaitable[None]]) -> PasswordProof:
    settings, store = ground.settings, ground.store
    hasher = GatheringHasher(ground.hasher, gather)
    return PasswordProof(
        store,
        store.lockouts,
        hasher,
        ground.clock,
        ground.meter,
        settings.lockout_policy,
        ground.postman,
    )


def _password_sign_in(
    ground: Ground, proof: PasswordProof, opener: SessionOpener
) -> PasswordSignIn:
    return PasswordSignIn(
        ground.store,
        proof,
        opener,
        ground.hasher,
        ground.clock,
        ground.meter,
        ground.settings.needs_verified_email,
    )


def _opener(ground: Ground, shared: Shared) -> SessionOpener:
    cookies = ground.secrets.signed_texts("device cookies")
    return SessionOpener(
        shared.grants,
        KnownDevices(ground.store, cookies, ground.randomness),
        ground.settings.session_policy,
        ground.postman,
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
        metrics_token=token.reveal() if token is not None else None,
    )
