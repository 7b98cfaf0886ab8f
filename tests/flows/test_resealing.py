"""After one start with both secrets, the former one can go."""

from dataclasses import replace
from pathlib import Path

from tests.driving import serving
from tests.flows.conftest import OpenHouse
from tests.flows.house import SECRET
from tests.flows.second_factor import an_owner, try_password
from tests.web.second_factor import login, somebody
from watchword.adapters.memory import MemoryStore
from watchword.bootstrap.factors import totp_secrets
from watchword.crypto.secret import Secret
from watchword.flows.grants import Grant
from watchword.flows.resealing import Resealing
from watchword.testing import FakeClock

NEW = Secret(b"another secret of the test, as long.")


async def test_all_open_with_the_new_secret_alone(open_house: OpenHouse) -> None:
    first = await open_house(SECRET)
    ada = await an_owner(first)
    await an_owner(first, "bob@example.com")
    both = await open_house(NEW, SECRET, store=first.store, clock=first.clock, seed=1)
    reseal = Resealing(both.store, totp_secrets(both.ground))
    assert await reseal() == 2
    assert await reseal() == 0
    alone = replace(ada, house=both)
    secrets = Resealing(both.store, totp_secrets((await open_house(NEW, seed=2)).ground))
    assert await secrets() == 0
    assert isinstance(await try_password(both, alone.next_code()), Grant)


async def test_what_no_secret_opens_is_left_as_it_is(open_house: OpenHouse) -> None:
    first = await open_house(SECRET)
    ada = await an_owner(first)
    other = await open_house(NEW, store=MemoryStore(clock=FakeClock()), seed=1)
    assert await Resealing(first.store, totp_secrets(other.ground))() == 0
    assert isinstance(await try_password(first, ada.next_code()), Grant)


async def test_a_start_with_both_secrets_does_it(tmp_path: Path) -> None:
    async with serving(tmp_path, secret=(SECRET,)) as server:
        phone, _ = await somebody(server)
        clock = server.clock
    async with serving(tmp_path, clock=clock, seed=1, secret=(NEW, SECRET)):
        pass
    async with serving(tmp_path, clock=clock, seed=2, secret=(NEW,)) as server:
        phone.server = server
        answer = await login(server, mfaCode=phone.next_code())
        assert answer.status_code == 200, answer.text
