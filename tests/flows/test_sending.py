import asyncio

import pytest

from tests.flows.house import TRACE, CountedStore, House
from tests.flows.post import PostOffice
from watchword.domain.errors import Unavailable
from watchword.domain.letters import MailDelayed
from watchword.flows.sending import AT_ONCE


@pytest.fixture
def post(house: House) -> PostOffice:
    return PostOffice(house)


def unheard(error: Exception) -> None:
    raise error


async def given_letters(house: House, count: int) -> None:
    for number in range(count):
        await house.register(f"p{number}@example.com")
        await house.flows.by_mail.recovery.forgot(f"p{number}@example.com", TRACE)


class TestTheSender:
    async def test_sends_a_full_outbox_without_a_pause(
        self, house: House, post: PostOffice
    ) -> None:
        await given_letters(house, 2 * AT_ONCE + 1)
        stop = asyncio.Event()

        async def stop_at_the_last() -> None:
            if len(post.taken) == 2 * AT_ONCE:
                stop.set()

        post.meanwhile = stop_at_the_last
        await asyncio.wait_for(post.sender(unheard).run(stop), timeout=30)
        assert len(post.taken) == 2 * AT_ONCE + 1

    async def test_sends_what_it_has_begun_when_it_is_told_to_stop(
        self, house: House, post: PostOffice
    ) -> None:
        await given_letters(house, AT_ONCE + 5)
        stop = asyncio.Event()

        async def stop_now() -> None:
            stop.set()

        post.meanwhile = stop_now
        await asyncio.wait_for(post.sender(unheard).run(stop), timeout=30)
        assert len(post.taken) == AT_ONCE
        assert await house.store.reading.outbox.count() == 5

    async def test_looks_again_after_a_store_that_could_not_answer(self) -> None:
        store = CountedStore()
        house = await House.open(store=store)
        post, heard, stop = PostOffice(house), [], asyncio.Event()
        await given_letters(house, 1)
        store.is_down = True

        def told(error: Exception) -> None:
            heard.append(type(error))
            store.is_down = False

        async def stop_now() -> None:
            stop.set()

        post.meanwhile = stop_now
        await asyncio.wait_for(post.sender(told).run(stop), timeout=30)
        assert heard == [Unavailable]
        assert len(post.taken) == 1
        await house.close()

    async def test_that_cannot_write_down_a_delay_leaves_the_letter_to_its_lease(self) -> None:
        store = CountedStore()
        house = await House.open(store=store)
        post, heard, stop = PostOffice(house), [], asyncio.Event()
        await given_letters(house, 1)

        async def go_down() -> None:
            store.is_down = True

        def told(error: Exception) -> None:
            heard.append(type(error))
            stop.set()

        post.meanwhile, post.troubles = go_down, [MailDelayed("not now")]
        await asyncio.wait_for(post.sender(told).run(stop), timeout=30)
        assert heard == [Unavailable]
        assert await house.store.reading.outbox.count() == 1
        store.is_down = False
        await house.close()
