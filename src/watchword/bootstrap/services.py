"""The flows, each given what it needs, as the web's pages call them."""

from collections.abc import Awaitable, Callable
from time import perf_counter
from urllib.parse import urlsplit

from watchword.adapters.argon2 import GatheringHasher
from watchword.bootstrap.parts import Ground, Shared
from watchword.domain.passwords import Blocklist, PasswordPolicy, words_of_service
from watchword.domain.time import SECOND, Span
from watchword.flows.access import Access
from watchword.flows.attempts import PasswordProof
from watchword.flows.credentials import Credentials
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
    opener, passwords, gather = _opener(ground, shared), _passwords(settings), _gathering(ground)
    proof = _proof(ground, gather)
    registration = Registration(store, ground.hasher, passwords, clock, ground.randomness)
    opaque = (grants.refresh_tokens, grants.cookies)
    grace = settings.refresh_grace
    return Services(
        policy=_web_policy(settings),
        sessions_policy=settings.session_policy,
        access=Access(shared.tokens, grants.cookies, keyring, shared.standings, clock=clock),
        standings=shared.standings,
        registration=registration,
        setup=Setup(store, registration, opener, clock, ground.randomness),
        sign_in=PasswordSignIn(store, proof, opener, ground.hasher, clock, ground.meter),
        refresh=Refresh(store, grants, shared.standings, clock, ground.meter, grace),
        held_tokens=HeldTokens(store, opaque, shared.tokens, keyring, clock),
        credentials=Credentials(store, proof, opener, ground.hasher, passwords, clock),
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
    policy = ground.settings.lockout_policy
    store, hasher = ground.store, GatheringHasher(ground.hasher, gather)
    return PasswordProof(store, store.lockouts, hasher, ground.clock, ground.meter, policy)


def _opener(ground: Ground, shared: Shared) -> SessionOpener:
    return SessionOpener(
        ground.store,
        shared.grants,
        ground.secrets.signed_texts("device cookies"),
        ground.settings.session_policy,
        ground.clock,
        ground.randomness,
    )


def _passwords(settings: Settings) -> PasswordPolicy:
    host = urlsplit(settings.public_url).hostname or ""
    words = words_of_service(host) | {settings.service_name}
    return PasswordPolicy(settings.password_min_length, words, Blocklist.embedded())


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
        metrics_token=token.reveal() if token is not None else None,
    )
