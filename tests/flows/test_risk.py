"""What is asked before a sign-in is judged, and what a refusal undoes, without HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from tests.flows.conftest import OpenHouse
from tests.flows.house import House
from tests.flows.post import PostOffice
from watchword.domain.accounts import Account
from watchword.domain.devices import Origin
from watchword.domain.errors import CountryBlocked
from watchword.domain.places import Coordinates, Place
from watchword.domain.risk import LOOKED_BACK, Action, RiskPolicy, Signal
from watchword.domain.sessions import Transport
from watchword.domain.time import MINUTE
from watchword.flows.risk import NotAdmitted, SignInRisk
from watchword.flows.sign_in import Arrival
from watchword.ports import RequestTrace

LONDON, SYDNEY, NOWHERE = "81.2.69.142", "1.128.0.1", "9.9.9.9"
KNOWN = {
    LONDON: Place(country_code="GB", coordinates=Coordinates(51.5, -0.1, 10)),
    SYDNEY: Place(country_code="AU", coordinates=Coordinates(-33.9, 151.2, 10)),
}


@dataclass
class Atlas:
    """Knows a few addresses, and which it was asked for."""

    known: Mapping[str, Place] = field(default_factory=lambda: KNOWN)
    asked: list[str] = field(default_factory=list)

    def find(self, ip: str) -> Place | None:
        self.asked.append(ip)
        return self.known.get(ip)


def risk_of(house: House, atlas: Atlas, policy: RiskPolicy) -> SignInRisk:
    return replace(house.flows.sign_in.second.opener.risk, places=atlas, policy=policy)


async def visited(house: House, *ips: str) -> Account:
    """An account whose sessions began there, a minute apart."""
    account = await house.register()
    for ip in ips:
        origin = Origin(ip, "Agent/1.0")
        trace = RequestTrace(ip=ip)
        arrival = Arrival(transport=Transport.BODY, origin=origin, trace=trace)
        await house.flows.sign_in(account.email, "correct horse battery staple", arrival)
        house.clock.advance(MINUTE)
    return account


class TestAJudgement:
    async def test_looks_up_each_address_once(self, house: House) -> None:
        ada, atlas = await visited(house, LONDON, LONDON, SYDNEY, NOWHERE), Atlas()
        risk = risk_of(house, atlas, RiskPolicy())
        judged = await risk.judge(house.store.reading, ada, Origin(SYDNEY, ""), None)
        assert judged.that(Action.NOTICE) == (Signal.TRAVEL,)
        assert atlas.asked[0] == SYDNEY
        assert sorted(atlas.asked[1:]) == sorted({LONDON, SYDNEY, NOWHERE})

    async def test_looks_nothing_up_where_nothing_is_to_be_done(self, house: House) -> None:
        ada, atlas = await visited(house, LONDON), Atlas()
        off = RiskPolicy(new_country=Action.OFF, travel=Action.OFF, anonymiser=Action.OFF)
        await risk_of(house, atlas, off).judge(house.store.reading, ada, Origin(SYDNEY, ""), None)
        assert atlas.asked == []

    async def test_looks_back_a_few_sessions_and_no_farther(self, house: House) -> None:
        ada = await visited(house, LONDON, *([SYDNEY] * LOOKED_BACK))
        risk = risk_of(house, Atlas(), RiskPolicy(travel=Action.OFF))
        judged = await risk.judge(house.store.reading, ada, Origin(LONDON, ""), None)
        assert judged.that(Action.NOTICE) == (Signal.NEW_COUNTRY,)

    async def test_without_a_past_finds_nothing(self, house: House) -> None:
        ada = await house.register()
        policy = RiskPolicy(
            new_device=Action.REFUSE, new_country=Action.REFUSE, travel=Action.REFUSE
        )
        risk = risk_of(house, Atlas(), policy)
        judged = await risk.judge(house.store.reading, ada, Origin(SYDNEY, ""), None)
        assert judged.actions == ()

    async def test_by_a_forged_device_cookie_is_that_of_a_new_device(self, house: House) -> None:
        ada = await visited(house, LONDON)
        risk = risk_of(house, Atlas(), RiskPolicy(new_device=Action.REFUSE))
        with pytest.raises(NotAdmitted) as no:
            await risk.judge(house.store.reading, ada, Origin(LONDON, ""), "forged.cookie")
        assert no.value.judged.that(Action.REFUSE) == (Signal.NEW_DEVICE,)


class TestARefusal:
    async def test_undoes_what_the_link_has_shown(self, open_house: OpenHouse) -> None:
        """Without a database no country is known, so nobody of the internet is allowed."""
        house = await open_house(countries_allowed=("GB",))
        ada, post = await house.register(), PostOffice(house)
        origin, trace = Origin(SYDNEY, "Agent/1.0"), RequestTrace(ip=SYDNEY)
        binding = await house.flows.by_mail.magic_links.request("ada@example.com", trace)
        token = (await post.deliver())[-1].token
        arrival = Arrival(transport=Transport.BODY, origin=origin, trace=trace)
        with pytest.raises(CountryBlocked):
            await house.flows.by_mail.magic_links.complete(token, binding, arrival)
        now = await house.store.reading.accounts.find(ada.id)
        assert now == ada  # neither verified, nor its password taken away
        assert await house.live(ada) == []
        (event,) = await house.events("session.unusual_sign_in")
        assert (event.subject, event.session) == (ada.id, None)
        home = replace(arrival, origin=Origin("10.0.0.1", "Agent/1.0"))
        await house.flows.by_mail.magic_links.complete(token, binding, home)
        assert len(await house.live(ada)) == 1
