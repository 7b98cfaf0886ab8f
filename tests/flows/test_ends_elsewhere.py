"""What another node has ended a moment ago, and nobody has told this one of: whoever is answered by
that end is let in no more, here at once and in strict mode nowhere.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import asyncpg
import pytest

from tests.adapters.sql.postgres.conftest import until
from tests.flows.conftest import OpenHouse
from tests.flows.house import TRACE, House
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.revocations import PostgresRevocations
from watchword.adapters.sql.postgres.store import ByDatabase, PostgresStore
from watchword.domain.accounts import Status
from watchword.domain.errors import NotFound, SessionRevoked
from watchword.domain.sessions import EndReason
from watchword.domain.standing import Caller
from watchword.domain.time import MINUTE, SECOND
from watchword.flows.grants import Grant
from watchword.testing import FakeClock, SeededRandomness

# As another node does it, whose call is still on its way.
DELETED = "DELETE FROM users WHERE id = $1"
ENDED = "UPDATE sessions SET ended_at = 1, ended_reason = 'token_reused' WHERE id = $1"
GHOST = "INSERT INTO nodes VALUES ('ghost.1', pg_backend_pid(), 60000, 0)"
ANSWER = "SELECT pg_notify('watchword_to_' || $1, 'ghost.1 ' || $2)"


async def sign_out(house: House, _: Caller, ada: Grant) -> None:
    session_id = await house.flows.held_tokens.session_of(ada.held)
    assert session_id is not None
    assert not await house.flows.sessions.end(session_id, EndReason.SIGNED_OUT, TRACE)


async def delete(house: House, admin: Caller, ada: Grant) -> None:
    with pytest.raises(NotFound):
        await house.flows.users.delete(admin, ada.account.id, TRACE)


async def disable(house: House, admin: Caller, ada: Grant) -> None:
    with pytest.raises(NotFound):
        await house.flows.users.change_status(admin, ada.account.id, Status.DISABLED, TRACE)


async def end_theirs(house: House, admin: Caller, ada: Grant) -> None:
    with pytest.raises(NotFound):
        await house.flows.users.end_sessions(admin, ada.account.id, TRACE)


async def sign_out_everywhere(house: House, _: Caller, ada: Grant) -> None:
    with pytest.raises(NotFound):
        await house.flows.sessions.end_all(ada.account.id, TRACE)


Act = Callable[[House, Caller, Grant], Coroutine[Any, Any, None]]
ACTS: tuple[Act, ...] = (sign_out, delete, disable, end_theirs, sign_out_everywhere)


@pytest.fixture
async def outsider(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def a_house(open_house: OpenHouse, url: str, *, is_strict: bool) -> House:
    """Its leases last a minute of a clock that stands still."""
    store = PostgresStore(
        Address.parse(url),
        ByDatabase(lambda: 0.0, MINUTE, is_strict=is_strict),
        clock=FakeClock(),
        randomness=SeededRandomness(7),
    )
    await store.revocations.ready(5 * SECOND)
    return await open_house(store=store)


async def signed_in(house: House) -> tuple[Caller, Grant]:
    """An administrator, and Ada, of whom the house has a picture."""
    await house.register_admin()
    await house.register()
    ada = await house.sign_in()
    await house.enter(ada)
    return await house.enter(await house.sign_in("root@example.com")), ada


@pytest.mark.parametrize("act", ACTS)
class TestAnAccountThatIsDeletedElsewhere:
    async def test_s15_is_let_in_no_more_by_the_node_that_says_it_is_gone(
        self, open_house: OpenHouse, postgres_url: str, outsider: asyncpg.Connection, act: Act
    ) -> None:
        house = await a_house(open_house, postgres_url, is_strict=False)
        admin, ada = await signed_in(house)
        await outsider.execute(DELETED, ada.account.id)
        await house.enter(ada)  # nobody has told this node
        await act(house, admin, ada)
        with pytest.raises(SessionRevoked):
            await house.enter(ada)

    async def test_s15_in_strict_mode_is_not_said_to_be_gone_before_all_nodes_have_heard(
        self, open_house: OpenHouse, postgres_url: str, outsider: asyncpg.Connection, act: Act
    ) -> None:
        house = await a_house(open_house, postgres_url, is_strict=True)
        admin, ada = await signed_in(house)
        assert isinstance(house.store, PostgresStore)
        revocations = house.store.revocations
        assert isinstance(revocations, PostgresRevocations)
        confirmations = revocations._membership._confirmations
        await outsider.execute(GHOST)  # a node that is slow to hear
        await outsider.execute(DELETED, ada.account.id)
        answered = asyncio.create_task(act(house, admin, ada))
        await until(lambda: bool(confirmations._waiting) or answered.done())
        assert not answered.done()
        await outsider.execute(ANSWER, revocations.sender, str(confirmations.question))
        await answered


class TestASessionThatIsEndedElsewhere:
    async def test_s15_is_let_in_no_more_by_the_node_that_refused_its_refresh(
        self, open_house: OpenHouse, postgres_url: str, outsider: asyncpg.Connection
    ) -> None:
        house = await a_house(open_house, postgres_url, is_strict=False)
        _, ada = await signed_in(house)
        await outsider.execute(ENDED, ada.session.id)
        await house.enter(ada)
        for _ in range(2):
            with pytest.raises(SessionRevoked):
                await house.refresh(ada.held)
        with pytest.raises(SessionRevoked):
            await house.enter(ada)
