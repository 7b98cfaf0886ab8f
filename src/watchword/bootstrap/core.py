"""Settings become a core: each promise is given to the one who keeps it, here and nowhere else."""

import asyncio
from dataclasses import dataclass

import structlog

from watchword import __version__
from watchword.adapters.argon2 import Argon2Parameters, HashingPool
from watchword.adapters.breaches import BreachSources
from watchword.adapters.prometheus import PrometheusMeter
from watchword.adapters.secret_file import read_or_make
from watchword.adapters.system import SystemClock, SystemRandomness
from watchword.adapters.user_agents import UserAgentParser
from watchword.bootstrap.breaches import require_breach_file
from watchword.bootstrap.factors import totp_secrets
from watchword.bootstrap.mail import make_sender
from watchword.bootstrap.parts import Ground, Machine, Secrets, Shared, lay_ground, share
from watchword.bootstrap.places import make_place_keeper
from watchword.bootstrap.providers import OpenProviders
from watchword.bootstrap.services import make_services
from watchword.bootstrap.storage import (
    Storage,
    Stores,
    has_signing_keys,
    open_stores,
    storage_of,
)
from watchword.crypto.secret import Secret
from watchword.domain.errors import Conflict
from watchword.flows.housekeeping import Housekeeper
from watchword.flows.place_keeping import PlaceKeeper
from watchword.flows.resealing import Resealing
from watchword.flows.sending import Sender
from watchword.ports import Clock, OpenStore, Randomness, RequestTrace
from watchword.settings import Settings
from watchword.web.services import RequestLog, Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """Everything of one process; `prepare` it before use, and `close` it after."""

    settings: Settings
    services: Services
    stores: Stores
    housekeeper: Housekeeper
    sender: Sender
    pool: HashingPool
    breaches: BreachSources
    providers: OpenProviders
    user_agents: UserAgentParser
    place_keeper: PlaceKeeper
    resealing: Resealing

    @property
    def store(self) -> OpenStore:
        return self.stores.store

    async def prepare(self) -> None:
        """Signing keys, and the administrator of the settings if there is none; while secrets are
        rotated, second factors under the new one.
        """
        await self.services.keyring.prepare()
        settings = self.settings
        if len(settings.secret) > 1:
            await self.resealing()
        if settings.admin_email is None or settings.admin_password is None:
            return
        if await self.services.setup.needs_admin():
            try:
                await self.services.registration.make_admin(
                    settings.admin_email.text,
                    settings.admin_password.reveal().decode(),
                    RequestTrace(),
                )
            except Conflict:
                if await self.services.setup.needs_admin():
                    raise  # and no other process has made it meanwhile

    async def close(self) -> None:
        await self.breaches.close()
        await self.providers.close()
        await self.stores.close()
        await asyncio.to_thread(self.pool.close)


async def open_core(
    settings: Settings,
    *,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
    log: RequestLog | None = None,
) -> Core:
    """Raise `Unavailable` whose text says what to do when the store, the secret or the list of
    breached passwords will not open.

    It is awaited because nothing can be made of the settings before the store has been asked:
    whether a missing secret may be made anew is for its signing keys to say. What comes out can be
    used whole; `Core.prepare` then changes what is in it.

    The clock and the randomness are the system's unless a test brings its own.
    """
    clock, randomness = clock or SystemClock(), randomness or SystemRandomness()
    require_breach_file(settings)
    Argon2Parameters.parse(settings.password_hash)  # before anything is open
    storage = storage_of(settings)
    secrets = Secrets(settings.secret or (await _own_secret(settings, storage, randomness),))
    await storage.migrate()
    meter = PrometheusMeter(version=__version__)
    stores = await open_stores(settings, storage, meter.stored, clock=clock)
    lines = log or structlog.get_logger().bind()
    machine = Machine(clock=clock, randomness=randomness, log=lines, meter=meter)
    try:
        ground = lay_ground(settings, secrets, stores, machine)
        return _build(ground)
    except BaseException:
        await stores.close()
        raise


async def _own_secret(settings: Settings, storage: Storage, randomness: Randomness) -> Secret:
    """The one of the data directory."""
    is_first = not await has_signing_keys(storage)
    return read_or_make(settings.data_dir, randomness, is_first=is_first)


def _build(ground: Ground) -> Core:
    shared = share(ground)
    return Core(
        settings=ground.settings,
        services=make_services(ground, shared),
        stores=ground.stores,
        housekeeper=_housekeeper(ground, shared),
        sender=make_sender(ground),
        pool=ground.pool,
        breaches=ground.breaches,
        providers=ground.providers,
        user_agents=ground.user_agents,
        place_keeper=make_place_keeper(
            ground.settings, ground.places, ground.clock, ground.randomness, ground.log
        ),
        resealing=Resealing(ground.store, totp_secrets(ground)),
    )


def _housekeeper(ground: Ground, shared: Shared) -> Housekeeper:
    def failed(chore: str, error: Exception) -> None:
        ground.log.error("housekeeping_failed", chore=chore, reason=str(error))

    return Housekeeper(
        ground.store, shared.standings, shared.keyring, ground.clock, ground.meter, failed
    )
