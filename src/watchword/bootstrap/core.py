"""Settings become a core: each promise is given to the one who keeps it, here and nowhere else."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import urlsplit

import structlog

from watchword import __version__
from watchword.adapters.argon2 import Argon2Hasher, Argon2Parameters, HashingPool
from watchword.adapters.prometheus import PrometheusMeter
from watchword.adapters.secret_file import read_or_make
from watchword.adapters.sql.migrate import migrate
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.adapters.system import SystemClock, SystemRandomness
from watchword.adapters.user_agents import UserAgentParser
from watchword.crypto.access_tokens import AccessTokens
from watchword.crypto.opaque import MacKeys, SessionTokens, SignedTexts
from watchword.crypto.sealing import Sealer
from watchword.crypto.secret import Secret, derive_key
from watchword.domain.passwords import Blocklist, PasswordPolicy, words_of_service
from watchword.domain.time import SECOND
from watchword.flows.access import Access
from watchword.flows.attempts import PasswordProof
from watchword.flows.credentials import Credentials
from watchword.flows.grants import Grants
from watchword.flows.housekeeping import Housekeeper
from watchword.flows.keyring import KeyPolicy, KeyRing
from watchword.flows.refresh import Refresh
from watchword.flows.registration import Registration, Setup
from watchword.flows.sessions import HeldTokens, SessionsOfUser
from watchword.flows.sign_in import PasswordSignIn, SessionOpener
from watchword.flows.standings import Standings
from watchword.flows.users import Users
from watchword.ports import Clock, Randomness, RequestTrace
from watchword.settings import Settings
from watchword.web.services import RequestLog, Services, WebPolicy

REFRESH_PREFIX = "wwr_"
SESSION_PREFIX = "wws_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """Everything of one process; `prepare` it before use, and `close` it after."""

    settings: Settings
    services: Services
    store: SqliteStore
    housekeeper: Housekeeper
    pool: HashingPool
    user_agents: UserAgentParser

    async def prepare(self) -> None:
        """Signing keys, and the administrator of the settings if there is none."""
        await self.services.keyring.prepare()
        settings = self.settings
        if settings.admin_email is None or settings.admin_password is None:
            return
        if await self.services.setup.needs_admin():
            await self.services.registration.make_admin(
                settings.admin_email.text,
                settings.admin_password.reveal().decode(),
                RequestTrace(),
            )

    async def close(self) -> None:
        await self.store.close()
        await asyncio.to_thread(self.pool.close)


def open_core(
    settings: Settings,
    *,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
    log: RequestLog | None = None,
) -> Core:
    """Raise `Unavailable` whose text says what to do when the store or the secret will not open.

    The clock and the randomness are the system's unless a test brings its own.
    """
    clock, randomness = clock or SystemClock(), randomness or SystemRandomness()
    secrets = settings.secret or (read_or_make(settings.data_dir, randomness),)
    migrate(settings.database_path)
    store = SqliteStore(settings.database_path, audit_retention=settings.audit_retention)
    lines = log or structlog.get_logger().bind()
    builder = _Builder(settings, secrets, store, clock=clock, randomness=randomness, log=lines)
    return builder.build()


class _Builder:
    """The parts that several flows share, made once."""

    def __init__(
        self,
        settings: Settings,
        secrets: Sequence[Secret],
        store: SqliteStore,
        *,
        clock: Clock,
        randomness: Randomness,
        log: RequestLog,
    ) -> None:
        self.settings = settings
        self.secrets = secrets
        self.store = store
        self.clock = clock
        self.randomness = randomness
        self.log = log
        self.meter = PrometheusMeter(version=__version__)
        self.pool = HashingPool(
            threads=settings.hash_threads or None,
            queue_limit=settings.hash_queue,
            deadline=settings.hash_deadline,
            observer=self.meter.hashing,
        )
        self.meter.hashing.watch_queue(lambda: self.pool.depth)
        self.hasher = Argon2Hasher(Argon2Parameters.parse(settings.password_hash), self.pool)
        self.user_agents = UserAgentParser()
        self.keyring = KeyRing(
            store,
            Sealer([derive_key(secret, "signing keys at rest") for secret in secrets]),
            KeyPolicy(
                settings.signing_algorithm,
                settings.signing_key_lifetime,
                settings.access_token_ttl + 2 * SECOND,
            ),
            clock=clock,
            randomness=randomness,
        )
        self.standings = Standings(
            store, store.revocations, self.keyring, settings.roles, meter=self.meter
        )
        self.tokens = AccessTokens(settings.public_url, settings.audience)
        self.grants = Grants(
            self.tokens,
            self.keyring,
            SessionTokens(REFRESH_PREFIX, self._mac_keys("refresh tokens")),
            SessionTokens(SESSION_PREFIX, self._mac_keys("session cookies")),
            settings.access_token_ttl,
            randomness,
        )

    def _mac_keys(self, label: str) -> MacKeys:
        return MacKeys([derive_key(secret, label) for secret in self.secrets])

    def build(self) -> Core:
        return Core(
            settings=self.settings,
            services=self._services(),
            store=self.store,
            housekeeper=self._housekeeper(),
            pool=self.pool,
            user_agents=self.user_agents,
        )

    def _passwords(self) -> PasswordPolicy:
        host = urlsplit(self.settings.public_url).hostname or ""
        words = words_of_service(host) | {self.settings.service_name}
        return PasswordPolicy(self.settings.password_min_length, words, Blocklist.embedded())

    def _housekeeper(self) -> Housekeeper:
        def failed(chore: str, error: Exception) -> None:
            self.log.error("housekeeping_failed", chore=chore, reason=str(error))

        return Housekeeper(
            self.store,
            self.standings,
            self.keyring,
            self.clock,
            self.meter,
            failed,
        )

    def _opener(self) -> SessionOpener:
        return SessionOpener(
            self.store,
            self.grants,
            SignedTexts(self._mac_keys("device cookies")),
            self.settings.session_policy,
            self.clock,
            self.randomness,
        )

    def _services(self) -> Services:
        store, clock = self.store, self.clock
        opener, passwords = self._opener(), self._passwords()
        proof = PasswordProof(
            store, store.lockouts, self.hasher, clock, self.meter, self.settings.lockout_policy
        )
        registration = Registration(store, self.hasher, passwords, clock, self.randomness)
        opaque = (self.grants.refresh_tokens, self.grants.cookies)
        return Services(
            policy=self._web_policy(),
            sessions_policy=self.settings.session_policy,
            access=Access(
                self.tokens, self.grants.cookies, self.keyring, self.standings, clock=clock
            ),
            standings=self.standings,
            registration=registration,
            setup=Setup(store, registration, opener, clock, self.randomness),
            sign_in=PasswordSignIn(store, proof, opener, self.hasher, clock, self.meter),
            refresh=Refresh(
                store,
                self.grants,
                self.standings,
                clock,
                self.meter,
                self.settings.refresh_grace,
            ),
            held_tokens=HeldTokens(store, opaque, self.tokens, self.keyring, clock),
            credentials=Credentials(store, proof, opener, self.hasher, passwords, clock),
            sessions=SessionsOfUser(store, clock),
            users=Users(store, store.lockouts, self.settings.roles, clock),
            audit=store.reading.audit,
            grants=self.grants,
            keyring=self.keyring,
            store=store,
            limits=store.limits,
            cursors=SignedTexts(self._mac_keys("cursors")),
            csrf_tokens=SignedTexts(self._mac_keys("csrf tokens")),
            user_agents=self.user_agents,
            clock=clock,
            meter=self.meter,
            log=self.log,
            seconds=perf_counter,
        )

    def _web_policy(self) -> WebPolicy:
        settings = self.settings
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
