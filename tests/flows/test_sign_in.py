import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest

from tests.driving import PASSWORD
from tests.flows.conftest import OpenHouse
from tests.flows.house import TRACE, House, details
from watchword.adapters.argon2 import Argon2Hasher, Argon2Parameters
from watchword.domain.accounts import Account, Status
from watchword.domain.errors import (
    AccountDisabled,
    Invalid,
    InvalidCredentials,
    SessionLimitReached,
    SessionRevoked,
)
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import DAY, HOUR, SECOND
from watchword.ports import Hasher, HashState
from watchword.settings import SessionLimit

OTHER = "another phrase altogether"


class Watched:
    """A hasher that remembers what it verified with, and lets others act while it works."""

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self.verified: list[str | None] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def hash(self, password: str) -> str:
        return await self._hasher.hash(password)

    async def verify(self, password: str, encoded: str | None) -> HashState:
        self.verified.append(encoded)
        state = await self._hasher.verify(password, encoded)
        if self.meanwhile is not None:
            await self.meanwhile()
        return state


@pytest.fixture
def hasher(house: House) -> Watched:
    """What signs people in to the house hashes with it."""
    watched = Watched(house.ground.hasher)
    flow = house.flows.sign_in
    proof = replace(flow.proof, hasher=watched)
    house.flows = replace(house.flows, sign_in=replace(flow, proof=proof))
    return watched


class TestTheRightPassword:
    @pytest.mark.parametrize("transport", Transport)
    async def test_opens_a_session_that_works(self, house: House, transport: Transport) -> None:
        account = await house.register()
        grant = await house.sign_in(transport=transport)
        caller = await house.enter(grant)
        assert caller.account == account
        assert (caller.session.transport, caller.session.amr) == (transport, ("pwd",))

    async def test_s01_opens_a_new_session_each_time(self, house: House) -> None:
        await house.register()
        grants = [await house.sign_in() for _ in range(5)]
        assert len({grant.session.id for grant in grants}) == 5
        assert len({grant.session.salt for grant in grants}) == 5

    async def test_b03_is_the_same_for_every_spelling_of_the_address(self, house: House) -> None:
        account = await house.register("Zoë@Example.com")
        for spelled in ("zoe\u0308@example.com", " ZOË@EXAMPLE.COM.", "zoë@example.com"):
            assert (await house.sign_in(spelled)).account == account

    async def test_is_the_same_composed_or_decomposed(self, house: House) -> None:
        """NIST SP 800-63B-4 section 3.1.1.2: NFC before hashing."""
        await house.register(password="crème brûlée à la plage")
        await house.sign_in(password="cre\u0300me bru\u0302le\u0301e a\u0300 la plage")

    @pytest.mark.parametrize(
        "altered", [PASSWORD + " ", " " + PASSWORD, PASSWORD.title(), PASSWORD[:-1], ""]
    )
    async def test_is_taken_exactly_as_it_is(self, house: House, altered: str) -> None:
        """ASVS 6.2.8."""
        await house.register()
        with pytest.raises(InvalidCredentials):
            await house.sign_in(password=altered)

    async def test_is_written_down(self, house: House) -> None:
        account = await house.register()
        grant = await house.sign_in()
        (event,) = await house.events("session.signed_in")
        assert (event.subject, event.session) == (account.id, grant.session.id)
        assert details(event) == {"amr": "pwd", "newDevice": True}

    async def test_of_a_service_that_remembers_not_lasts_a_day(self, house: House) -> None:
        await house.register()
        grant = await house.sign_in(remember=False)
        assert grant.session.expires_at == house.clock.now() + DAY
        assert grant.session.idle_ttl == DAY
        assert not grant.session.remembered

    async def test_lives_no_longer_unremembered_than_remembered(
        self, open_house: OpenHouse
    ) -> None:
        house = await open_house(session_absolute_ttl=HOUR, session_idle_ttl=HOUR)
        await house.register()
        for remember in (True, False):
            grant = await house.sign_in(remember=remember)
            assert grant.session.expires_at == house.clock.now() + HOUR


class TestARefusal:
    async def test_e01_is_one_for_a_wrong_password_and_an_unknown_address(
        self, house: House
    ) -> None:
        await house.register()
        told = []
        for email in ("ada@example.com", "nobody@example.com"):
            with pytest.raises(InvalidCredentials) as refused:
                await house.sign_in(email, OTHER)
            told.append((type(refused.value), str(refused.value)))
        assert told[0] == told[1]

    async def test_e02_costs_the_same_work_for_every_kind_of_account(
        self, house: House, hasher: Watched
    ) -> None:
        """An unknown address, one without a password and a disabled one are all hashed for."""
        known = await house.register()
        disabled = await house.register("dan@example.com")
        await house.flows.users.change_status(None, disabled.id, Status.DISABLED, TRACE)
        bare = replace(known, id="u-bare", email=replace(known.email, key="bare@example.com"))
        async with house.store.transaction() as unit:
            await unit.accounts.insert(replace(bare, password_hash=None))
        for name in ("ada", "nobody", "dan", "bare"):
            with pytest.raises(InvalidCredentials):
                await house.sign_in(f"{name}@example.com", OTHER)
        assert hasher.verified == [known.password_hash, None, disabled.password_hash, None]

    async def test_e01_of_a_disabled_account_is_told_only_to_who_has_its_password(
        self, house: House
    ) -> None:
        account = await house.register()
        await house.flows.users.change_status(None, account.id, Status.DISABLED, TRACE)
        with pytest.raises(InvalidCredentials):
            await house.sign_in(password=OTHER)
        with pytest.raises(AccountDisabled):
            await house.sign_in()
        assert await house.live(account) == []

    async def test_is_written_down_without_the_address(self, house: House) -> None:
        with pytest.raises(InvalidCredentials):
            await house.sign_in("nobody@example.com")
        (event,) = await house.events("session.sign_in_failed")
        assert event.subject is None
        assert "nobody" not in repr(event)

    async def test_of_what_is_no_address_is_a_refusal_of_the_field(self, house: House) -> None:
        with pytest.raises(Invalid) as refused:
            await house.sign_in("not an address")
        assert refused.value.errors[0].field == "email"


class TestWhatChangesMeanwhile:
    """While a password is hashed others act: what is true at the end of it decides."""

    async def test_r09_a_password_that_was_changed_wins(
        self, house: House, hasher: Watched
    ) -> None:
        account = await house.register()

        async def change_password() -> None:
            encoded = await house.ground.hasher.hash(OTHER)
            async with house.store.transaction() as unit:
                await unit.accounts.replace_password(
                    account.id, encoded, instead_of=account.password_hash or ""
                )

        hasher.meanwhile = change_password
        with pytest.raises(InvalidCredentials):
            await house.sign_in()
        assert await house.live(account) == []

    async def test_a07_an_account_that_was_disabled_stays_out(
        self, house: House, hasher: Watched
    ) -> None:
        account = await house.register()
        change = house.flows.users.change_status
        hasher.meanwhile = partial(change, None, account.id, Status.DISABLED, TRACE)
        with pytest.raises(AccountDisabled):
            await house.sign_in()
        assert await house.live(account) == []

    async def test_a07_an_account_that_was_deleted_stays_out(
        self, house: House, hasher: Watched
    ) -> None:
        account = await house.register()
        owner = await house.enter(await house.sign_in())
        hasher.meanwhile = partial(house.flows.users.delete, owner, account.id, TRACE)
        with pytest.raises(InvalidCredentials):
            await house.sign_in()
        assert await house.live(account) == []

    async def test_a_demotion_is_in_what_is_handed_out(self, house: House, hasher: Watched) -> None:
        """The answer may show the former role; what it opens is that of the next request."""
        await house.register_admin("boss@example.com")
        admin = await house.register_admin()
        change = house.flows.users.change_role
        hasher.meanwhile = partial(change, None, admin.id, "user", TRACE)
        caller = await house.enter(await house.sign_in("root@example.com"))
        assert caller.permissions == frozenset()


class TestAnOutdatedHash:
    async def upgrade(self, house: House, account: Account) -> str:
        """Give ``account`` a hash of other parameters; what it is afterwards."""
        outdated = Argon2Hasher(Argon2Parameters(16, 1, 1), house.ground.pool)
        async with house.store.transaction() as unit:
            await unit.accounts.replace_password(
                account.id, await outdated.hash(PASSWORD), instead_of=account.password_hash or ""
            )
        await house.sign_in()
        found = await house.store.reading.accounts.find(account.id)
        assert found is not None
        return found.password_hash or ""

    async def test_is_replaced_at_sign_in(self, house: House) -> None:
        account = await house.register()
        assert "m=8," in await self.upgrade(house, account)
        assert len(await house.events("credential.password_upgraded")) == 1
        await house.sign_in()

    async def test_is_not_replaced_when_it_is_current(self, house: House) -> None:
        account = await house.register()
        await house.sign_in()
        assert await house.store.reading.accounts.find(account.id) == account
        assert await house.events("credential.password_upgraded") == []


class TestTheLimitOfSessions:
    async def test_s12_holds_for_many_sign_ins_at_once(self, open_house: OpenHouse) -> None:
        house = await open_house(max_sessions=5, lockout_policy=None)
        account = await house.register()
        grants = await asyncio.gather(*(house.sign_in() for _ in range(20)))
        live = await house.live(account)
        assert len(live) == 5
        assert set(live) <= {grant.session.id for grant in grants}
        assert len(await house.events("session.ended")) == 15

    async def test_lets_the_oldest_give_way(self, open_house: OpenHouse) -> None:
        house = await open_house(max_sessions=2)
        account = await house.register()
        oldest = await house.sign_in()
        house.clock.advance(SECOND)
        kept = await house.sign_in()
        house.clock.advance(SECOND)
        newest = await house.sign_in()
        assert await house.live(account) == [newest.session.id, kept.session.id]
        with pytest.raises(SessionRevoked):
            await house.refresh(oldest.held)
        (event,) = await house.events("session.ended")
        assert (event.session, details(event)) == (oldest.session.id, {"reason": "evicted"})

    async def test_can_refuse_the_newest(self, open_house: OpenHouse) -> None:
        house = await open_house(max_sessions=2, session_limit=SessionLimit.REJECT)
        account = await house.register()
        held = [await house.sign_in(), await house.sign_in()]
        with pytest.raises(SessionLimitReached):
            await house.sign_in()
        assert sorted(await house.live(account)) == sorted(grant.session.id for grant in held)
        await house.flows.sessions.end(held[0].session.id, EndReason.SIGNED_OUT, TRACE)
        await house.sign_in()

    async def test_s12_refusing_holds_for_many_at_once(self, open_house: OpenHouse) -> None:
        house = await open_house(
            max_sessions=5, session_limit=SessionLimit.REJECT, lockout_policy=None
        )
        account = await house.register()
        told = await asyncio.gather(*(house.sign_in() for _ in range(20)), return_exceptions=True)
        assert sum(isinstance(answer, SessionLimitReached) for answer in told) == 15
        assert len(await house.live(account)) == 5

    async def test_counts_each_user_alone(self, open_house: OpenHouse) -> None:
        house = await open_house(max_sessions=1)
        ada, bob = await house.register(), await house.register("bob@example.com")
        await house.sign_in()
        await house.sign_in("bob@example.com")
        assert len(await house.live(ada)) == len(await house.live(bob)) == 1


class TestABrowserThatHeldASession:
    async def test_s01_gives_it_up_for_the_new_one(self, house: House) -> None:
        account = await house.register()
        before = await house.sign_in(transport=Transport.COOKIE)
        after = await house.sign_in(
            transport=Transport.COOKIE, replaces=frozenset({before.session.id})
        )
        assert await house.live(account) == [after.session.id]
        with pytest.raises(SessionRevoked):
            await house.refresh(before.held)
        (event,) = await house.events("session.ended")
        assert (event.session, details(event)) == (before.session.id, {"reason": "replaced"})

    async def test_keeps_it_when_the_sign_in_fails(self, house: House) -> None:
        await house.register()
        before = await house.sign_in(transport=Transport.COOKIE)
        with pytest.raises(InvalidCredentials):
            await house.sign_in(password=OTHER, replaces=frozenset({before.session.id}))
        await house.enter(before)

    async def test_that_has_ended_or_never_was_changes_nothing(self, house: House) -> None:
        account = await house.register()
        before = await house.sign_in()
        await house.flows.sessions.end(before.session.id, EndReason.REVOKED, TRACE)
        await house.sign_in(replaces=frozenset({before.session.id, "s-nowhere"}))
        assert len(await house.live(account)) == 1
        assert (await house.session(before)).ended_reason is EndReason.REVOKED

    async def test_is_known_by_its_device_cookie_from_then_on(self, house: House) -> None:
        await house.register()
        first = await house.sign_in(transport=Transport.COOKIE)
        assert first.device is not None
        again = await house.sign_in(transport=Transport.COOKIE, device=first.device)
        assert again.device == first.device
        told = [details(event)["newDevice"] for event in await house.events("session.signed_in")]
        assert told == [True, False]

    async def test_with_a_forged_device_cookie_is_a_new_device(self, house: House) -> None:
        await house.register()
        first = await house.sign_in(transport=Transport.COOKIE)
        assert first.device is not None
        forged = await house.sign_in(transport=Transport.COOKIE, device=first.device[:-1] + "x")
        assert forged.device not in {None, first.device}

    async def test_is_no_known_device_of_somebody_else(self, house: House) -> None:
        await house.register()
        await house.register("bob@example.com")
        device = (await house.sign_in(transport=Transport.COOKIE)).device
        await house.sign_in("bob@example.com", transport=Transport.COOKIE, device=device)
        told = [details(event)["newDevice"] for event in await house.events("session.signed_in")]
        assert told == [True, True]
