from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.driving import ORIGIN
from tests.flows.conftest import OpenHouse
from tests.flows.house import ORIGIN as CAME_FROM
from tests.flows.house import TRACE, House
from watchword.adapters.memory.store import MemoryReading
from watchword.adapters.memory.tables import Place
from watchword.domain.errors import (
    Invalid,
    LastCredential,
    NotFound,
    PasskeyNotAccepted,
    SessionLimitReached,
    SessionRevoked,
)
from watchword.domain.factors import Passkey
from watchword.domain.identities import LinkedIdentity
from watchword.domain.links import Purpose
from watchword.domain.mail import Encryption, Relay
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.standing import Caller
from watchword.domain.time import MINUTE
from watchword.flows.grants import Grant
from watchword.flows.sign_in import Arrival
from watchword.settings import SessionLimit
from watchword.testing.authenticator import SoftwareAuthenticator

RELAY = Relay("smtp.example.com", 465, Encryption.TLS)
ARRIVAL = Arrival(transport=Transport.BODY, origin=CAME_FROM, trace=TRACE)


@pytest.fixture
def key() -> SoftwareAuthenticator:
    return SoftwareAuthenticator(ORIGIN)


async def enter(house: House) -> Caller:
    """Ada, as she has just signed in."""
    await house.register()
    return await house.enter(await house.sign_in())


async def add(house: House, caller: Caller, key: SoftwareAuthenticator) -> Passkey:
    registration = house.flows.passkeys.registration
    told = key.create(await registration.options(caller))
    return await registration.finish(caller, told, "", TRACE)


async def sign_in(house: House, key: SoftwareAuthenticator) -> Grant:
    flow = house.flows.passkeys.sign_in
    return await flow(key.get(await flow.options()), ARRIVAL)


async def lose_password(house: House, caller: Caller, *, is_verified: bool = True) -> None:
    accounts = house.memory._committed.tables.accounts
    accounts[caller.account.id] = replace(
        accounts[caller.account.id], password_hash=None, email_verified=is_verified
    )


class TestARegistration:
    async def test_a07_of_a_session_that_ends_meanwhile_keeps_nothing(
        self, house: House, key: SoftwareAuthenticator
    ) -> None:
        caller = await enter(house)

        async def end() -> None:
            async with house.store.transaction() as unit:
                now = house.clock.now()
                await unit.sessions.end(caller.session.id, EndReason.REVOKED, now=now)

        registration = replace(house.flows.passkeys.registration, ready=end)
        told = key.create(await registration.options(caller))
        with pytest.raises(SessionRevoked):
            await registration.finish(caller, told, "", TRACE)
        assert await house.store.reading.passkeys.list_of(caller.account.id) == []

    async def test_w01_answers_the_newest_challenge_of_a_user(
        self, house: House, key: SoftwareAuthenticator
    ) -> None:
        caller, registration = await enter(house), house.flows.passkeys.registration
        first = await registration.options(caller)
        await registration.options(caller)
        with pytest.raises(Invalid):
            await registration.finish(caller, key.create(first), "", TRACE)

    async def test_waits_until_answers_can_be_verified(
        self, house: House, key: SoftwareAuthenticator
    ) -> None:
        waited: list[str] = []
        caller, flows = await enter(house), house.flows.passkeys

        async def ready(name: str) -> None:
            waited.append(name)

        registration = replace(flows.registration, ready=lambda: ready("registration"))
        told = key.create(await registration.options(caller))
        await registration.finish(caller, told, "", TRACE)
        flow = replace(flows.sign_in, ready=lambda: ready("sign-in"))
        await flow(key.get(await flow.options()), ARRIVAL)
        assert waited == ["registration", "sign-in"]


class TestASignIn:
    async def test_opens_a_session_that_works(
        self, house: House, key: SoftwareAuthenticator
    ) -> None:
        passkey = await add(house, await enter(house), key)
        house.clock.advance(MINUTE)
        caller = await house.enter(await sign_in(house, key))
        assert caller.session.amr == ("hwk", "user", "mfa")
        (used,) = await house.store.reading.passkeys.list_of(passkey.user_id)
        assert (used.sign_count, used.last_used_at) == (1, house.clock.now())

    async def test_by_a_passkey_that_is_removed_meanwhile_is_refused_and_nobody_is_suspected(
        self, house: House, key: SoftwareAuthenticator
    ) -> None:
        caller = await enter(house)
        passkey = await add(house, caller, key)
        before = MemoryReading(Place(house.memory._committed.tables.copy()))
        await house.flows.passkeys.own.remove(caller, passkey.id, TRACE)
        house.memory.reading = before
        with pytest.raises(PasskeyNotAccepted):
            await sign_in(house, key)
        assert await house.events("credential.passkey_suspected") == []

    async def test_that_is_not_let_in_is_no_use_of_the_passkey(
        self, open_house: OpenHouse, key: SoftwareAuthenticator
    ) -> None:
        house = await open_house(max_sessions=1, session_limit=SessionLimit.REJECT)
        passkey = await add(house, await enter(house), key)
        with pytest.raises(SessionLimitReached):
            await sign_in(house, key)
        assert await house.store.reading.passkeys.find(passkey.credential_id) == passkey

    async def test_w01_challenges_that_nobody_answers_are_swept_away(self, house: House) -> None:
        for _ in range(3):
            await house.flows.passkeys.sign_in.options()
        assert len(house.memory._committed.tables.links) == 3
        house.clock.advance(Purpose.PASSKEY_SIGN_IN.lifetime)
        await house.memory.purge(house.clock.now(), at_most=100)
        assert house.memory._committed.tables.links == {}


Verb = Callable[[House, Caller, str], Awaitable[object]]
VERBS: dict[str, Verb] = {
    "rename": lambda house, who, id_: house.flows.passkeys.own.rename(who, id_, "x", TRACE),
    "remove": lambda house, who, id_: house.flows.passkeys.own.remove(who, id_, TRACE),
}


class TestOnesOwn:
    @pytest.mark.parametrize("verb", VERBS)
    async def test_w09_are_nobody_elses(
        self, house: House, key: SoftwareAuthenticator, verb: str
    ) -> None:
        passkey = await add(house, await enter(house), key)
        await house.register("bob@example.com")
        bob = await house.enter(await house.sign_in("bob@example.com"))
        with pytest.raises(NotFound):
            await VERBS[verb](house, bob, passkey.id)
        assert await house.store.reading.passkeys.find(passkey.credential_id) == passkey

    async def test_w09_the_last_one_stays_though_a_mail_could_bring_its_owner_back(
        self, open_house: OpenHouse, key: SoftwareAuthenticator
    ) -> None:
        house = await open_house(smtp_url=RELAY)
        caller = await enter(house)
        passkey, own = await add(house, caller, key), house.flows.passkeys.own
        await lose_password(house, caller)
        with pytest.raises(LastCredential):
            await own.remove(caller, passkey.id, TRACE)
        assert await own.list_own(caller) == [passkey]

    async def test_w09_the_last_one_stays_beside_an_identity_where_no_provider_is_configured(
        self, house: House, key: SoftwareAuthenticator
    ) -> None:
        caller = await enter(house)
        passkey, own = await add(house, caller, key), house.flows.passkeys.own
        await lose_password(house, caller)
        identity = LinkedIdentity(
            issuer="https://gone.example",
            subject="1",
            user_id=caller.account.id,
            provider="gone",
            address="",
            address_proven=True,
            created_at=house.clock.now(),
            last_used_at=house.clock.now(),
        )
        async with house.store.transaction() as unit:
            await unit.identities.link(identity)
        with pytest.raises(LastCredential):
            await own.remove(caller, passkey.id, TRACE)
        assert await own.list_own(caller) == [passkey]
