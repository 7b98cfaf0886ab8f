"""What the core stands on, and the parts that its flows share; each is made once per process."""

from collections.abc import Sequence
from dataclasses import dataclass

from watchword.adapters.argon2 import Argon2Hasher, Argon2Parameters, HashingPool
from watchword.adapters.breaches import BreachSources
from watchword.adapters.maxmind import MaxMindPlaces
from watchword.adapters.prometheus import PrometheusMeter
from watchword.adapters.user_agents import UserAgentParser
from watchword.bootstrap.breaches import make_breach_sources
from watchword.bootstrap.places import make_places
from watchword.bootstrap.providers import OpenProviders, make_providers
from watchword.bootstrap.storage import Stores
from watchword.crypto.access_tokens import AccessTokens
from watchword.crypto.opaque import MacKeys, SessionTokens, SignedTexts
from watchword.crypto.sealing import Sealer
from watchword.crypto.secret import Secret, derive_key
from watchword.domain.time import SECOND
from watchword.flows.grants import Grants
from watchword.flows.keyring import KeyPolicy, KeyRing
from watchword.flows.outbox import Postman
from watchword.flows.standings import Standings
from watchword.ports import Clock, Hasher, OpenStore, Randomness
from watchword.settings import Settings
from watchword.web.services import RequestLog

REFRESH_PREFIX = "wwr_"
SESSION_PREFIX = "wws_"
_NEWS_TRAVELS = 12 * SECOND  # until every process signs with a new key, and then some


@dataclass(frozen=True, slots=True)
class Secrets:
    """Everything that is derived from the master secrets; the first makes, all verify."""

    masters: Sequence[Secret]

    def keys(self, label: str) -> list[bytes]:
        return [derive_key(master, label) for master in self.masters]

    def sealer(self, label: str) -> Sealer:
        return Sealer(self.keys(label))

    def signed_texts(self, label: str) -> SignedTexts:
        return SignedTexts(MacKeys(self.keys(label)))

    def session_tokens(self, prefix: str, label: str) -> SessionTokens:
        return SessionTokens(prefix, MacKeys(self.keys(label)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the process has of its machine."""

    clock: Clock
    randomness: Randomness
    log: RequestLog
    meter: PrometheusMeter


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The adapters in use."""

    settings: Settings
    secrets: Secrets
    stores: Stores
    clock: Clock
    randomness: Randomness
    log: RequestLog
    meter: PrometheusMeter
    pool: HashingPool
    hasher: Hasher
    postman: Postman
    breaches: BreachSources
    providers: OpenProviders
    user_agents: UserAgentParser
    places: MaxMindPlaces

    @property
    def store(self) -> OpenStore:
        return self.stores.store


def lay_ground(
    settings: Settings,
    secrets: Secrets,
    stores: Stores,
    machine: Machine,
) -> Ground:
    meter = machine.meter
    pool = HashingPool(
        threads=settings.hash_threads or None,
        queue_limit=settings.hash_queue,
        deadline=settings.hash_deadline,
        observer=meter.hashing,
    )
    meter.hashing.watch_queue(lambda: pool.depth)
    return Ground(
        settings=settings,
        secrets=secrets,
        stores=stores,
        clock=machine.clock,
        randomness=machine.randomness,
        log=machine.log,
        meter=meter,
        pool=pool,
        hasher=Argon2Hasher(Argon2Parameters.parse(settings.password_hash), pool),
        postman=Postman(stores.limits, machine.clock, machine.randomness, settings.limit_mail),
        breaches=make_breach_sources(settings, meter, machine.log),
        providers=make_providers(settings, machine.clock),
        user_agents=UserAgentParser(),
        places=make_places(settings, machine.log),
    )


@dataclass(frozen=True, slots=True)
class Shared:
    """The parts that several flows have in common, caches among them."""

    keyring: KeyRing
    standings: Standings
    tokens: AccessTokens
    grants: Grants


def share(ground: Ground) -> Shared:
    settings, secrets = ground.settings, ground.secrets
    policy = KeyPolicy(
        settings.signing_algorithm,
        settings.signing_key_lifetime,
        settings.access_token_ttl + _NEWS_TRAVELS,
    )
    keyring = KeyRing(
        ground.store,
        secrets.sealer("signing keys at rest"),
        policy,
        clock=ground.clock,
        randomness=ground.randomness,
    )
    standings = Standings(
        ground.store,
        ground.stores.revocations,
        keyring,
        settings.roles_in_force,
        meter=ground.meter,
    )
    tokens = AccessTokens(settings.public_url, settings.audience)
    grants = Grants(
        tokens,
        keyring,
        secrets.session_tokens(REFRESH_PREFIX, "refresh tokens"),
        secrets.session_tokens(SESSION_PREFIX, "session cookies"),
        settings.access_token_ttl,
        ground.randomness,
        settings.roles_in_force,
    )
    return Shared(keyring, standings, tokens, grants)
