from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tests.driving import PASSWORD
from tests.flows.conftest import OpenHouse
from tests.flows.house import TRACE, House
from watchword.crypto.access_tokens import AccessTokens
from watchword.domain.errors import SessionExpired, SessionRevoked, TokenExpired, TokenInvalid
from watchword.domain.sessions import Transport
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND
from watchword.flows.access import Access
from watchword.flows.grants import Grant

TTL = 5 * MINUTE


@pytest.fixture
async def grant(house: House) -> Grant:
    await house.register()
    return await house.sign_in()


def text_of(grant: Grant) -> str:
    assert grant.access is not None
    return grant.access.text


async def reauthenticate(house: House, grant: Grant) -> Grant:
    caller = await house.enter(grant)
    return await house.flows.credentials.reauthenticate(caller, PASSWORD, TRACE, device=None)


class TestAnAccessToken:
    async def test_lets_its_person_in(self, house: House, grant: Grant) -> None:
        caller = await house.enter(grant)
        assert (caller.account, caller.session.id) == (grant.account, grant.session.id)

    async def test_j14_ends_to_the_second_first_seen_or_known(
        self, house: House, grant: Grant
    ) -> None:
        other = await house.sign_in()
        house.clock.advance(TTL - 1)
        await house.enter(grant)
        house.clock.advance(1)
        for held in (grant, other):
            with pytest.raises(TokenExpired):
                await house.enter(held)

    async def test_x07_of_a_clock_that_ran_ahead_is_refused_and_the_session_lives(
        self, house: House, grant: Grant
    ) -> None:
        house.clock.advance(HOUR)
        ahead = await house.refresh(grant.held)
        house.clock.advance(-HOUR)
        with pytest.raises(TokenInvalid):
            await house.enter(ahead)
        await house.enter(await house.refresh(ahead.held))

    async def test_x07_that_has_expired_is_refused_by_a_clock_that_is_right_again(
        self, house: House, grant: Grant
    ) -> None:
        await house.enter(grant)
        house.clock.advance(-HOUR)
        await house.enter(grant)
        house.clock.advance(HOUR + TTL)
        with pytest.raises(TokenExpired):
            await house.enter(grant)

    async def test_is_refused_in_every_other_spelling(self, house: House, grant: Grant) -> None:
        """Attack J15, of a token that is known already."""
        await house.enter(grant)
        text = text_of(grant)
        for spelled in (text + "=", " " + text, text + "\n", text.replace(".", ". "), text[:-1]):
            with pytest.raises(TokenInvalid):
                await house.flows.access.by_access_token(spelled)

    async def test_j11_of_another_audience_or_issuer_is_refused(
        self, house: House, grant: Grant
    ) -> None:
        tokens = house.shared.tokens
        signing = (await house.flows.keyring.keys()).signing
        claims = tokens.verify(
            text_of(grant),
            (await house.flows.keyring.keys()).verifying,
            house.clock.now() // SECOND,
        )
        for other in (
            AccessTokens(tokens.issuer, "https://other.example"),
            AccessTokens("https://other.example", tokens.audience),
        ):
            text = other.issue(replace(claims, iss=other.issuer, aud=other.audience), signing)
            with pytest.raises(TokenInvalid):
                await house.flows.access.by_access_token(text)

    @pytest.mark.parametrize(
        "swap", [lambda held: held, lambda held: held.replace("wwr_", "wws_"), lambda _: ""]
    )
    async def test_j10_r08_no_refresh_token_stands_in_for_it(
        self, house: House, grant: Grant, swap: Callable[[str], str]
    ) -> None:
        with pytest.raises(TokenInvalid):
            await house.flows.access.by_access_token(swap(grant.held))

    async def test_s01_of_before_a_new_proof_is_dead(self, house: House, grant: Grant) -> None:
        fresh = await reauthenticate(house, grant)
        with pytest.raises(TokenExpired):
            await house.enter(grant)
        await house.enter(fresh)

    async def test_s13_of_an_earlier_proof_does_not_keep_its_session_alive(
        self, house: House, grant: Grant
    ) -> None:
        fresh = await reauthenticate(house, grant)
        await house.enter(fresh)
        before = house.flows.standings.last_seen(fresh.session)
        house.clock.advance(MINUTE)
        with pytest.raises(TokenExpired):
            await house.enter(grant)
        assert house.flows.standings.last_seen(fresh.session) == before

    async def test_s13_that_is_shown_by_a_page_alone_does_not_keep_its_session_alive(
        self, house: House, grant: Grant
    ) -> None:
        before = house.flows.standings.last_seen(grant.session)
        house.clock.advance(MINUTE)
        await house.flows.access.by_access_token(text_of(grant), is_use=False)
        assert house.flows.standings.last_seen(grant.session) == before
        await house.enter(grant)
        assert house.flows.standings.last_seen(grant.session) == before + MINUTE

    async def test_a03_says_nothing_of_what_its_person_may_do(
        self, house: House, grant: Grant
    ) -> None:
        await house.register_admin()
        await house.flows.users.change_role(None, grant.account.id, "admin", TRACE)
        admin = await house.refresh(grant.held)
        await house.enter(admin)
        await house.flows.users.change_role(None, grant.account.id, "user", TRACE)
        assert (await house.enter(admin)).permissions == frozenset()

    async def test_never_outlives_its_session(self, open_house: OpenHouse) -> None:
        house = await open_house(session_absolute_ttl=90 * SECOND, session_idle_ttl=90 * SECOND)
        await house.register()
        grant = await house.sign_in()
        assert grant.access is not None
        assert grant.access.expires_in == 90


class TestWhatIsKeptInMind:
    async def test_is_checked_once(self, house: House, grant: Grant) -> None:
        access = house.flows.access
        await house.enter(grant)
        known = dict(access._verified)
        for _ in range(3):
            await house.enter(grant)
        assert access._verified == known == {text_of(grant): known[text_of(grant)]}

    async def test_is_no_more_than_there_is_room_for(self, house: House, grant: Grant) -> None:
        shared = house.shared
        access = Access(
            shared.tokens,
            shared.grants.cookies,
            shared.keyring,
            shared.standings,
            clock=house.clock,
            capacity=3,
        )
        texts = [text_of(await house.refresh(grant.held)) for _ in range(6)]
        for text in texts * 2:
            await access.by_access_token(text)
        assert len(access._verified) == 3

    async def test_is_gone_with_its_expiry(self, house: House, grant: Grant) -> None:
        await house.enter(grant)
        house.clock.advance(TTL)
        with pytest.raises(TokenExpired):
            await house.enter(grant)
        assert house.flows.access._verified == {}

    async def test_j05_is_forgotten_when_its_key_retires(self, house: House, grant: Grant) -> None:
        """What the former key signed has ended by then; what a thief signs with it is refused."""
        keyring = house.flows.keyring
        stolen = (await keyring.keys()).signing
        await keyring.rotate(TRACE)
        claims = house.shared.tokens.verify(
            text_of(grant), (await keyring.keys()).verifying, house.clock.now() // SECOND
        )
        house.clock.advance(TTL)
        now = house.clock.now() // SECOND
        forged = house.shared.tokens.issue(replace(claims, iat=now, exp=now + 900), stolen)
        await house.flows.access.by_access_token(forged)
        house.clock.advance(MINUTE)
        with pytest.raises(TokenInvalid):
            await house.flows.access.by_access_token(forged)


class TestASessionCookie:
    @pytest.fixture
    async def cookie(self, house: House) -> Grant:
        await house.register()
        return await house.sign_in(transport=Transport.SESSION)

    async def test_lets_its_person_in(self, house: House, cookie: Grant) -> None:
        assert cookie.access is None
        assert (await house.enter(cookie)).session.id == cookie.session.id

    async def test_s01_is_replaced_by_a_new_proof(self, house: House, cookie: Grant) -> None:
        fresh = await reauthenticate(house, cookie)
        assert fresh.held != cookie.held
        with pytest.raises(SessionRevoked):
            await house.enter(cookie)
        await house.enter(fresh)

    async def test_s13_that_was_replaced_does_not_keep_its_session_alive(
        self, house: House, cookie: Grant
    ) -> None:
        fresh = await reauthenticate(house, cookie)
        await house.enter(fresh)
        before = house.flows.standings.last_seen(fresh.session)
        house.clock.advance(HOUR)
        with pytest.raises(SessionRevoked):
            await house.enter(cookie)
        assert house.flows.standings.last_seen(fresh.session) == before
        await house.enter(fresh)
        assert house.flows.standings.last_seen(fresh.session) == before + HOUR

    async def test_of_another_transport_does_not_exist(self, house: House, cookie: Grant) -> None:
        other = await house.sign_in()
        forged = house.flows.grants.cookies.make(other.session.id, 1, other.session.salt)
        with pytest.raises(TokenInvalid):
            await house.flows.access.by_session_cookie(forged)

    async def test_made_with_another_salt_is_refused(self, house: House, cookie: Grant) -> None:
        forged = house.flows.grants.cookies.make(cookie.session.id, 1, b"another salt....")
        with pytest.raises(TokenInvalid):
            await house.flows.access.by_session_cookie(forged)

    async def test_s16_cut_or_longer_is_refused(self, house: House, cookie: Grant) -> None:
        held = cookie.held
        for forged in (held[:-1], held + "A", held + "=", "", held.replace("wws_", "wwr_")):
            with pytest.raises(TokenInvalid):
                await house.flows.access.by_session_cookie(forged)
        await house.enter(cookie)

    async def test_r08_a_refresh_token_is_none(self, house: House, cookie: Grant) -> None:
        with pytest.raises(TokenInvalid):
            await house.flows.access.by_session_cookie((await house.sign_in()).held)

    async def test_lives_as_long_as_it_is_used(self, house: House, cookie: Grant) -> None:
        for _ in range(4):
            house.clock.advance(7 * DAY)
            await house.enter(cookie)

    async def test_s13_that_is_shown_by_a_page_alone_does_not_keep_its_session_alive(
        self, house: House, cookie: Grant
    ) -> None:
        for _ in range(2):
            await house.flows.access.by_session_cookie(cookie.held, is_use=False)
            house.clock.advance(7 * DAY)
        with pytest.raises(SessionExpired):
            await house.flows.access.by_session_cookie(cookie.held, is_use=False)
