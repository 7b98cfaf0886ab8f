"""Every door to a new password asks for breaches at the right moment; none can be forgotten."""

import ast
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.adapters.breaches.server import digest_of
from tests.driving import PASSWORD
from tests.flows.conftest import OpenHouse
from tests.flows.house import ORIGIN, TRACE, CountedStore, House
from tests.opening import Lines
from watchword import flows
from watchword.adapters.memory.store import MemoryUnit
from watchword.domain.errors import Conflict, Invalid, LinkInvalid, PasswordBlocked
from watchword.domain.sessions import Transport
from watchword.flows.new_passwords import NewPasswords
from watchword.flows.sign_in import Arrival

STOLEN = "a phrase that was stolen elsewhere"
DECOMPOSED = "une phrase vole\u0301e ailleurs"
COMPOSED = "une phrase volée ailleurs"
ARRIVAL = Arrival(transport=Transport.BODY, origin=ORIGIN, trace=TRACE)

Door = Callable[[House, str], Awaitable[None]]


async def register(house: House, password: str) -> None:
    await house.flows.registration.register("new@example.com", password, TRACE)


async def make_admin(house: House, password: str) -> None:
    await house.flows.registration.make_admin("new@example.com", password, TRACE)


async def set_up(house: House, password: str) -> None:
    token = await house.flows.setup.make_link(TRACE)
    await house.flows.setup.complete(token, "new@example.com", password, ARRIVAL)


async def change(house: House, password: str) -> None:
    await house.register()
    caller = await house.enter(await house.sign_in())
    credentials = house.flows.credentials
    await credentials.change_password(caller, PASSWORD, password, TRACE, device=None)


DOORS = pytest.mark.parametrize(
    ("door", "named"),
    [
        (register, "password"),
        (make_admin, "password"),
        (set_up, "password"),
        (change, "newPassword"),
    ],
)


@pytest.fixture
def hashes(tmp_path: Path) -> Path:
    path = tmp_path / "hashes"
    path.write_text("".join(f"{d}:1\n" for d in sorted(map(digest_of, (STOLEN, COMPOSED)))))
    return path


def checks(house: House) -> dict[str, float]:
    """What was asked so far, by what came of it."""
    lines = house.ground.meter.render().decode().splitlines()
    found = [line.split() for line in lines if line.startswith("watchword_breach_checks_total{")]
    return {name.split('"')[1]: float(count) for name, count in found}


class TestEveryDoor:
    @DOORS
    async def test_refuses_a_breached_password_and_names_the_field(
        self, door: Door, named: str, open_house: OpenHouse, hashes: Path
    ) -> None:
        house = await open_house(breach_file=hashes)
        with pytest.raises(PasswordBlocked, match="data breach") as refused:
            await door(house, STOLEN)
        assert [error.field for error in refused.value.errors] == [named]
        assert checks(house)["breached"] == 1

    @DOORS
    async def test_takes_another_one(
        self, door: Door, named: str, open_house: OpenHouse, hashes: Path
    ) -> None:
        house = await open_house(breach_file=hashes)
        await door(house, "a phrase that was never stolen")
        assert set(checks(house)) == {"clean"}

    @DOORS
    async def test_x05_stays_open_while_nobody_can_say(
        self, door: Door, named: str, open_house: OpenHouse, tmp_path: Path
    ) -> None:
        house = await open_house(breach_file=tmp_path / "gone")
        await door(house, STOLEN)
        assert set(checks(house)) == {"unanswered"}
        log = house.ground.log
        assert isinstance(log, Lines)
        told = {"setting": "WATCHWORD_BREACH_FILE", "reason": "FileNotFoundError"}
        assert log.events[-1] == ("breach_check_unanswered", told)

    @DOORS
    async def test_asks_outside_of_transactions(
        self, door: Door, named: str, open_house: OpenHouse
    ) -> None:
        store = Watched()
        asked = Asked(store)
        house = await open_house(store=store)
        services = house.flows
        registration = replace(
            services.registration, passwords=asked.instead_of(services.registration.passwords)
        )
        house.flows = replace(
            services,
            registration=registration,
            setup=replace(services.setup, registration=registration),
            credentials=replace(services.credentials, passwords=registration.passwords),
        )
        await door(house, "a phrase that was never stolen")
        assert asked.open_transactions
        assert set(asked.open_transactions) == {0}

    async def test_compares_the_normal_form(self, open_house: OpenHouse, hashes: Path) -> None:
        house = await open_house(breach_file=hashes)
        with pytest.raises(PasswordBlocked):
            await register(house, DECOMPOSED)


class Watched(CountedStore):
    """Knows how many transactions are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open = 0

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[MemoryUnit]:
        async with super()._transaction() as unit:
            self.open += 1
            try:
                yield unit
            finally:
                self.open -= 1


@dataclass
class Asked:
    """Keeps, for each question, how many transactions were open."""

    store: Watched
    open_transactions: list[int] = field(default_factory=list)

    async def contains(self, password: str) -> bool:
        self.open_transactions.append(self.store.open)
        return False

    def instead_of(self, passwords: NewPasswords) -> NewPasswords:
        return replace(passwords, breaches=self)


class TestWhatIsAskedFirst:
    async def test_e03_a_taken_address_makes_no_difference(
        self, open_house: OpenHouse, hashes: Path
    ) -> None:
        """Else the answer to a breached password would tell who has an account."""
        house = await open_house(breach_file=hashes)
        await house.register("new@example.com")
        with pytest.raises(PasswordBlocked):
            await register(house, STOLEN)
        with pytest.raises(Conflict):
            await register(house, "a phrase that was never stolen")

    @pytest.mark.parametrize("email", ["not an address", "new@example.com"])
    async def test_what_the_form_or_the_rules_refuse_is_asked_of_nobody(
        self, email: str, open_house: OpenHouse, hashes: Path
    ) -> None:
        house = await open_house(breach_file=hashes)
        password = STOLEN if email == "not an address" else "short"
        with pytest.raises(Invalid):
            await house.flows.registration.register(email, password, TRACE)
        assert checks(house) == {}

    async def test_x01_a_guessed_link_asks_nobody(
        self, open_house: OpenHouse, hashes: Path
    ) -> None:
        house = await open_house(breach_file=hashes)
        await house.flows.setup.make_link(TRACE)
        with pytest.raises(LinkInvalid):
            await house.flows.setup.complete("guessed", "new@example.com", STOLEN, ARRIVAL)
        assert checks(house) == {}

    async def test_a_link_stays_good_when_the_password_is_breached(
        self, open_house: OpenHouse, hashes: Path
    ) -> None:
        house = await open_house(breach_file=hashes)
        token = await house.flows.setup.make_link(TRACE)
        complete = house.flows.setup.complete
        with pytest.raises(PasswordBlocked):
            await complete(token, "new@example.com", STOLEN, ARRIVAL)
        await complete(token, "new@example.com", "a phrase that was never stolen", ARRIVAL)


class TestOldPasswords:
    async def test_still_sign_in_when_they_are_found_in_a_breach(
        self, house: House, open_house: OpenHouse, hashes: Path
    ) -> None:
        await house.register(password=STOLEN)
        later = await open_house(store=house.store, clock=house.clock, breach_file=hashes)
        await later.sign_in(password=STOLEN)
        assert checks(later) == {}


def test_no_other_flow_knows_the_rules() -> None:
    """A door that is added later must go through `NewPasswords` to get a password accepted."""
    knowing = {
        path.name
        for path in Path(flows.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        and "PasswordPolicy" in {name.name for name in node.names}
    }
    assert knowing == {"new_passwords.py"}
