import asyncio
from dataclasses import replace

import pytest

from tests.flows.house import TRACE, House, details
from watchword.domain.errors import NotFound, SessionRevoked
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import DAY, HOUR, SECOND
from watchword.flows.grants import Grant


@pytest.fixture
async def grant(house: House) -> Grant:
    await house.register()
    return await house.sign_in()


async def require_out(house: House, *grants: Grant) -> None:
    for grant in grants:
        with pytest.raises(SessionRevoked):
            await house.enter(grant)


class TestTheListOfSessions:
    async def test_is_of_those_that_live_newest_first(self, house: House, grant: Grant) -> None:
        house.clock.advance(SECOND)
        ended, newest = await house.sign_in(), await house.sign_in()
        await house.flows.sessions.end(ended.session.id, EndReason.REVOKED, TRACE)
        live = await house.live(grant.account)
        assert live[-1] == grant.session.id
        assert sorted(live) == sorted([newest.session.id, grant.session.id])

    async def test_leaves_out_what_was_idle_for_too_long(self, house: House, grant: Grant) -> None:
        house.clock.advance(14 * DAY)
        newest = await house.sign_in()
        assert await house.live(grant.account) == [newest.session.id]


class TestEndingOne:
    async def test_holds_on_the_very_next_request(self, house: House, grant: Grant) -> None:
        other = await house.sign_in()
        await house.enter(other)
        caller = await house.enter(grant)
        await house.flows.sessions.end_one(caller, other.session.id, TRACE)
        await require_out(house, other)
        await house.enter(grant)

    async def test_is_written_down_with_who_did_it(self, house: House, grant: Grant) -> None:
        other, caller = await house.sign_in(), await house.enter(grant)
        await house.flows.sessions.end_one(caller, other.session.id, TRACE)
        (event,) = await house.events("session.ended")
        assert (event.actor, event.session) == (grant.account.id, other.session.id)
        assert details(event) == {"reason": "revoked"}

    async def test_a02_of_somebody_else_is_as_if_there_were_none(
        self, house: House, grant: Grant
    ) -> None:
        await house.register("bob@example.com")
        strange = await house.sign_in("bob@example.com")
        caller = await house.enter(grant)
        told = []
        for session_id in (strange.session.id, "s-nowhere", ""):
            with pytest.raises(NotFound) as refused:
                await house.flows.sessions.end_one(caller, session_id, TRACE)
            told.append(str(refused.value))
        assert len(set(told)) == 1
        await house.enter(strange)

    async def test_twice_is_once(self, house: House, grant: Grant) -> None:
        other, caller = await house.sign_in(), await house.enter(grant)
        await house.flows.sessions.end_one(caller, other.session.id, TRACE)
        ended = await house.session(other)
        house.clock.advance(HOUR)
        with pytest.raises(NotFound):
            await house.flows.sessions.end_one(caller, other.session.id, TRACE)
        assert await house.session(other) == ended
        assert len(await house.events("session.ended")) == 1

    async def test_of_many_at_once_is_once(self, house: House, grant: Grant) -> None:
        end = house.flows.sessions.end
        ended = await asyncio.gather(
            *(end(grant.session.id, EndReason.SIGNED_OUT, TRACE) for _ in range(20))
        )
        assert ended.count(True) == 1
        assert len(await house.events("session.ended")) == 1


class TestEndingAll:
    async def test_of_ones_own_but_this_one(self, house: House, grant: Grant) -> None:
        others = [await house.sign_in(transport=transport) for transport in Transport]
        for other in others:
            await house.enter(other)
        caller = await house.enter(grant)
        keep = grant.session.id
        end_all = house.flows.sessions.end_all
        assert await end_all(grant.account.id, TRACE, actor=caller, keep=keep) == 3
        await require_out(house, *others)
        await house.enter(grant)
        (event,) = await house.events("session.all_ended")
        assert details(event) == {"reason": "revoked", "count": 3}

    async def test_everywhere_is_this_one_too(self, house: House, grant: Grant) -> None:
        other = await house.sign_in()
        assert await house.flows.sessions.end_all(grant.account.id, TRACE) == 2
        await require_out(house, grant, other)

    async def test_leaves_other_people_alone(self, house: House, grant: Grant) -> None:
        await house.register("bob@example.com")
        bob = await house.sign_in("bob@example.com")
        await house.flows.sessions.end_all(grant.account.id, TRACE)
        await house.enter(bob)

    async def test_of_nobody_is_refused(self, house: House) -> None:
        with pytest.raises(NotFound):
            await house.flows.sessions.end_all("u-nobody", TRACE)

    async def test_r09_leaves_no_sign_in_behind_that_was_under_way(
        self, house: House, grant: Grant
    ) -> None:
        """Each is before it or after it: what is live afterwards was opened afterwards."""
        ending = asyncio.create_task(house.flows.sessions.end_all(grant.account.id, TRACE))
        opened_then = await asyncio.gather(*(house.sign_in() for _ in range(4)))
        await ending
        live = set(await house.live(grant.account))
        for opened in opened_then:
            session = await house.session(opened)
            assert (session.ended_at is None) == (session.id in live)
            if session.id in live:
                await house.enter(opened)
            else:
                await require_out(house, opened)


class TestWhatATokenBelongsTo:
    async def test_is_told_by_any_token_of_the_session(self, house: House, grant: Grant) -> None:
        held = house.flows.held_tokens
        following = await house.refresh(grant.held)
        cookie = await house.sign_in(transport=Transport.SESSION)
        for token in (grant.held, following.held):
            assert await held.session_of(token) == grant.session.id
        assert await held.session_of(cookie.held) == cookie.session.id

    async def test_is_told_of_one_that_has_ended_or_expired(
        self, house: House, grant: Grant
    ) -> None:
        """To sign out is never too late."""
        assert grant.access is not None
        await house.flows.sessions.end(grant.session.id, EndReason.REVOKED, TRACE)
        house.clock.advance(HOUR)
        held = house.flows.held_tokens
        assert await held.session_of(grant.held) == grant.session.id
        assert await held.session_of_access_token(grant.access.text) == grant.session.id

    async def test_is_not_told_of_what_is_not_ours(self, house: House, grant: Grant) -> None:
        assert grant.access is not None
        held, tokens = house.flows.held_tokens, house.flows.grants.refresh_tokens
        forged = tokens.make(grant.session.id, 1, b"another salt....")
        for text in ("", "x", grant.held[:-1], grant.access.text, forged):
            assert await held.session_of(text) is None
        for text in ("", "a.b.c", grant.held, grant.access.text[:-1]):
            assert await held.session_of_access_token(text) is None


class TestASession:
    async def test_shows_no_secret(self, house: House, grant: Grant) -> None:
        assert grant.access is not None
        for shown in (repr(grant), repr(grant.access)):
            assert grant.held not in shown
            assert grant.access.text not in shown
            assert repr(grant.session.salt) not in shown

    async def test_keeps_nothing_that_a_thief_of_the_database_could_present(
        self, house: House, grant: Grant
    ) -> None:
        """ASVS 6.5.2: the row holds a salt; the key that makes tokens of it is elsewhere."""
        stored = repr(await house.session(grant))
        _, _, proof = grant.held.split(".")
        assert proof not in stored
        assert replace(await house.session(grant), salt=b"") == replace(grant.session, salt=b"")
