"""Whose account an identity leads to, on the memory adapters and a provider that is a dict."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.flows.house import ORIGIN, TRACE, House
from watchword.bootstrap.services import make_services
from watchword.crypto.federation_starts import FederationStart, SealedStarts, Vouched
from watchword.crypto.sealing import SealBroken, Sealer
from watchword.domain.accounts import EmailAddress
from watchword.domain.errors import (
    Conflict,
    EmailNotVerified,
    FederationFailed,
    LinkInvalid,
    NotFound,
    SessionLimitReached,
)
from watchword.domain.federation import Identity
from watchword.domain.sessions import Transport
from watchword.domain.standing import Caller
from watchword.domain.time import MINUTE
from watchword.flows.federation import ConsentNeeded, Federation, Outcome
from watchword.flows.grants import Grant
from watchword.flows.journeys import Departure
from watchword.flows.sign_in import Arrival
from watchword.ports import ListedProvider
from watchword.settings.choices import EmailVerification, SessionLimit

ARRIVAL = Arrival(transport=Transport.COOKIE, origin=ORIGIN, trace=TRACE)
ADA = Identity(
    "https://id.example.com",
    "1",
    EmailAddress("Ada@example.com", "ada@example.com"),
    email_verified=True,
    name="Ada",
    amr=("pwd", "otp", "mfa"),
)


@dataclass
class MemoryProviders:
    """Keeps `Providers`: says whom a test wants it to say, to who has the right verifier."""

    identity: Identity = ADA
    begun: dict[str, tuple[str, str]] = field(default_factory=dict)
    last_state: str = ""
    exchanges: int = 0

    def listed(self) -> Sequence[ListedProvider]:
        return [ListedProvider("other", "Other"), ListedProvider("apple", "Apple", True)]

    def speaks_for(self, issuer: str) -> bool:
        return issuer == self.identity.issuer

    async def begin(
        self, provider: str, *, redirect_uri: str, state: str, nonce: str, verifier: str
    ) -> str:
        self.begun[redirect_uri] = (nonce, verifier)
        self.last_state = state
        return f"https://id.example.com/authorize?state={state}"

    async def finish(
        self,
        provider: str,
        parameters: Sequence[tuple[str, str]],
        *,
        redirect_uri: str,
        nonce: str,
        verifier: str,
    ) -> Identity:
        self.exchanges += 1
        assert self.begun[redirect_uri] == (nonce, verifier)
        return self.identity

    async def close(self) -> None:
        """There is nothing open."""


@dataclass
class Abroad:
    house: House
    providers: MemoryProviders
    federation: Federation

    async def begin(self, **arrival: Any) -> Departure:
        return await self.federation.begin("other", "/here", replace(ARRIVAL, **arrival), None)

    async def finish(self, departure: Departure, **arrival: Any) -> Outcome:
        pairs = [("code", "c"), ("state", self.providers.last_state)]
        came = replace(ARRIVAL, **arrival)
        return await self.federation.finish("other", pairs, departure.binding, came)

    async def sign_in(self, **arrival: Any) -> Outcome:
        return await self.finish(await self.begin(**arrival))


GoAbroad = Callable[..., Awaitable[Abroad]]


@pytest.fixture
async def go_abroad() -> AsyncIterator[GoAbroad]:
    opened: list[House] = []

    async def go(**settings: Any) -> Abroad:
        house = await House.open(**settings)
        opened.append(house)
        providers = MemoryProviders()
        services = make_services(replace(house.ground, providers=providers), house.shared)
        return Abroad(house, providers, services.federation)

    yield go
    for house in opened:
        await house.close()


@pytest.fixture
async def abroad(go_abroad: GoAbroad) -> Abroad:
    return await go_abroad()


class TestASignIn:
    async def test_is_held_as_its_start_asked_for(self, abroad: Abroad) -> None:
        departure = await abroad.begin(transport=Transport.SESSION, remember=False)
        outcome = await abroad.finish(departure)
        assert outcome.return_to == "/here"
        assert isinstance(outcome.grant, Grant)
        session = outcome.grant.session
        assert (session.transport, session.remembered) == (Transport.SESSION, False)

    async def test_passes_no_factor_of_the_provider_on(self, abroad: Abroad) -> None:
        outcome = await abroad.sign_in()
        assert isinstance(outcome.grant, Grant)
        assert outcome.grant.session.amr == ("fed",)
        (event,) = await abroad.house.events("session.signed_in")
        assert '"fed"' in event.details

    async def test_ends_what_the_browser_held_when_it_left(self, abroad: Abroad) -> None:
        await abroad.house.register()
        held = await abroad.house.sign_in()
        abroad.providers.identity = replace(
            ADA, email=EmailAddress("eve@example.com", "eve@example.com")
        )
        departure = await abroad.begin(replaces=frozenset({held.session.id}))
        await abroad.finish(departure)
        assert await abroad.house.live(held.account) == []

    async def test_is_told_to_the_owner_when_the_device_is_new(self, abroad: Abroad) -> None:
        await abroad.sign_in()
        other = replace(ORIGIN, user_agent="Another/2.0", ip="203.0.113.9")
        await abroad.sign_in(origin=other)
        departure = await abroad.begin()
        outcome = await abroad.finish(departure, origin=replace(other, user_agent="Third/3.0"))
        assert isinstance(outcome.grant, Grant)
        assert await abroad.house.store.reading.outbox.count() == 1

    async def test_keeps_to_the_limit_of_sessions(self, go_abroad: GoAbroad) -> None:
        from_here = await go_abroad(max_sessions=1, session_limit=SessionLimit.REJECT)
        await from_here.sign_in()
        with pytest.raises(SessionLimitReached):
            await from_here.sign_in()

    async def test_of_somebody_who_has_changed_their_address_there_leads_home(
        self, abroad: Abroad
    ) -> None:
        first = await abroad.sign_in()
        await abroad.house.register_admin("boss@example.com")
        abroad.providers.identity = replace(
            ADA, email=EmailAddress("boss@example.com", "boss@example.com")
        )
        second = await abroad.sign_in()
        assert isinstance(first.grant, Grant)
        assert isinstance(second.grant, Grant)
        assert first.grant.account.id == second.grant.account.id

    async def test_of_somebody_known_needs_no_address(self, abroad: Abroad) -> None:
        await abroad.sign_in()
        abroad.providers.identity = replace(ADA, email=None, email_verified=False)
        assert (await abroad.sign_in()).grant is not None

    async def test_o04_asks_the_provider_once_for_each_start(self, abroad: Abroad) -> None:
        departure = await abroad.begin()
        await abroad.finish(departure)
        with pytest.raises(FederationFailed) as caught:
            await abroad.finish(departure)
        assert caught.value.reason == "callback: state not known here, or not to this browser"
        assert abroad.providers.exchanges == 1

    async def test_at_a_provider_that_is_not_there_is_not_begun(self, abroad: Abroad) -> None:
        with pytest.raises(NotFound):
            await abroad.federation.begin("none", "/", ARRIVAL, None)
        with pytest.raises(NotFound):
            await abroad.federation.finish("none", [("state", "s")], None, ARRIVAL)

    async def test_is_bound_for_a_post_where_the_answer_is_posted(self, abroad: Abroad) -> None:
        assert not (await abroad.begin()).posts_back
        assert (await abroad.federation.begin("apple", "/", ARRIVAL, None)).posts_back

    async def test_o02_keeps_a_binding_of_ours_and_no_other(self, abroad: Abroad) -> None:
        first = await abroad.begin()
        kept = await abroad.federation.begin("other", "/", ARRIVAL, first.binding)
        assert kept.binding == first.binding
        for weak in ("", "x", first.binding[:-1], first.binding + "A", "=" * 43):
            other = await abroad.federation.begin("other", "/", ARRIVAL, weak)
            assert other.binding not in {weak, first.binding}


class TestAnAddressToConfirm:
    async def test_is_written_to_as_often_as_an_address_may_be(self, go_abroad: GoAbroad) -> None:
        abroad = await go_abroad(email_verification=EmailVerification.REQUIRED)
        await abroad.house.register_admin("ada@example.com")
        for number in range(5):
            abroad.providers.identity = replace(ADA, subject=str(number), email_verified=False)
            with pytest.raises(EmailNotVerified):
                await abroad.sign_in()
        assert await abroad.house.store.reading.outbox.count() == 3
        assert len(await abroad.house.events("account.registration_repeated")) == 5


class TestLinking:
    async def test_is_done_once(self, abroad: Abroad) -> None:
        await abroad.house.register()
        caller = await abroad.house.enter(await abroad.house.sign_in())
        for _ in range(2):
            departure = await abroad.federation.begin_link(
                caller, "other", "/account", None, asks=False
            )
            outcome = await abroad.finish(departure)
            assert (outcome.return_to, outcome.grant) == ("/account", None)
        assert len(await abroad.house.events("credential.identity_linked")) == 1
        (identity,) = await abroad.federation.identities.list_own(caller)
        assert not identity.address_proven

    async def test_of_what_leads_to_somebody_else_is_refused(self, abroad: Abroad) -> None:
        await abroad.sign_in()
        await abroad.house.register("bob@example.com")
        caller = await abroad.house.enter(await abroad.house.sign_in("bob@example.com"))
        departure = await abroad.federation.begin_link(caller, "other", "/", None, asks=False)
        with pytest.raises(Conflict):
            await abroad.finish(departure)

    async def test_o08_a_changed_password_ends_the_starts_from_before(self, abroad: Abroad) -> None:
        account = await abroad.house.register()
        caller = await abroad.house.enter(await abroad.house.sign_in())
        departure = await abroad.federation.begin_link(caller, "other", "/", None, asks=False)
        async with abroad.house.store.transaction() as unit:
            await unit.links.discard(account.id)
        with pytest.raises(FederationFailed):
            await abroad.finish(departure)

    async def test_a_start_is_swept_up_when_its_time_is_over(self, abroad: Abroad) -> None:
        await abroad.begin()
        now = abroad.house.clock.advance(10 * MINUTE)
        assert await abroad.house.store.purge(now, at_most=10) >= 1


class TestConsent:
    async def ask(self, abroad: Abroad) -> tuple[Caller, Departure, ConsentNeeded]:
        await abroad.house.register()
        caller = await abroad.house.enter(await abroad.house.sign_in())
        departure = await abroad.federation.begin_link(caller, "other", "/", None, asks=True)
        asked = (await abroad.finish(departure)).grant
        assert isinstance(asked, ConsentNeeded)
        return caller, departure, asked

    async def test_is_asked_for_and_links_what_the_provider_had_said(self, abroad: Abroad) -> None:
        caller, departure, asked = await self.ask(abroad)
        assert await abroad.federation.identities.list_own(caller) == []
        abroad.providers.identity = replace(ADA, subject="2")
        await abroad.federation.consent(caller, asked.token, departure.binding, TRACE)
        (linked,) = await abroad.federation.identities.list_own(caller)
        assert (linked.issuer, linked.subject, linked.address) == (
            *(ADA.issuer, ADA.subject, "Ada@example.com"),
        )

    async def test_links_what_has_no_address(self, abroad: Abroad) -> None:
        abroad.providers.identity = replace(ADA, email=None, email_verified=False)
        caller, departure, asked = await self.ask(abroad)
        await abroad.federation.consent(caller, asked.token, departure.binding, TRACE)
        (linked,) = await abroad.federation.identities.list_own(caller)
        assert linked.address == ""

    async def test_is_good_for_five_minutes(self, abroad: Abroad) -> None:
        caller, departure, asked = await self.ask(abroad)
        abroad.house.clock.advance(5 * MINUTE)
        with pytest.raises(LinkInvalid):
            await abroad.federation.consent(caller, asked.token, departure.binding, TRACE)

    async def test_o02_is_given_in_the_session_and_the_browser_that_began(
        self, abroad: Abroad
    ) -> None:
        caller, departure, asked = await self.ask(abroad)
        other = await abroad.house.enter(await abroad.house.sign_in())
        with pytest.raises(LinkInvalid):
            await abroad.federation.consent(caller, asked.token, None, TRACE)
        with pytest.raises(LinkInvalid):
            await abroad.federation.consent(other, asked.token, departure.binding, TRACE)
        assert await abroad.federation.identities.list_own(caller) == []

    async def test_o04_is_given_once_however_it_was_given(self, abroad: Abroad) -> None:
        caller, departure, asked = await self.ask(abroad)
        await abroad.federation.decline(caller, asked.token, departure.binding)
        with pytest.raises(LinkInvalid):
            await abroad.federation.consent(caller, asked.token, departure.binding, TRACE)

    async def test_o01_stands_in_for_no_state_nor_a_state_for_it(self, abroad: Abroad) -> None:
        caller, departure, asked = await self.ask(abroad)
        pairs = [("code", "c"), ("state", asked.token)]
        with pytest.raises(FederationFailed):
            await abroad.federation.finish("other", pairs, departure.binding, ARRIVAL)
        departure = await abroad.federation.begin_link(caller, "other", "/", None, asks=True)
        state = abroad.providers.last_state
        with pytest.raises(LinkInvalid):
            await abroad.federation.consent(caller, state, departure.binding, TRACE)

    async def test_o08_a_changed_password_ends_the_question(self, abroad: Abroad) -> None:
        caller, departure, asked = await self.ask(abroad)
        async with abroad.house.store.transaction() as unit:
            await unit.links.discard(caller.account.id)
        with pytest.raises(LinkInvalid):
            await abroad.federation.consent(caller, asked.token, departure.binding, TRACE)

    async def test_is_not_asked_for_what_is_linked(self, abroad: Abroad) -> None:
        caller, departure, asked = await self.ask(abroad)
        await abroad.federation.consent(caller, asked.token, departure.binding, TRACE)
        departure = await abroad.federation.begin_link(caller, "other", "/", None, asks=True)
        assert (await abroad.finish(departure)).grant is None

    async def test_is_not_asked_for_what_leads_to_somebody_else(self, abroad: Abroad) -> None:
        await abroad.sign_in()
        await abroad.house.register("bob@example.com")
        caller = await abroad.house.enter(await abroad.house.sign_in("bob@example.com"))
        departure = await abroad.federation.begin_link(caller, "other", "/", None, asks=True)
        with pytest.raises(Conflict):
            await abroad.finish(departure)


class TestWhatIsRemembered:
    START = FederationStart(
        provider="other", nonce="n", verifier="v", return_to="/", transport="cookie"
    )

    def test_opens_where_it_was_sealed_for_and_nowhere_else(self) -> None:
        starts = SealedStarts(Sealer([b"k" * 32]))
        sealed = starts.seal(self.START, b"a")
        assert starts.open(sealed, b"a") == self.START
        for other, place in ((sealed, b"b"), (sealed[:-4], b"a"), ("", b"a"), ("é", b"a")):
            with pytest.raises(SealBroken):
                starts.open(other, place)

    def test_is_not_shown(self) -> None:
        assert "ada" not in repr(Vouched("https://id.example.com", "ada", "ada@x.example", "ada"))
        assert repr(self.START) == "FederationStart(provider='other')"
        assert "secret" not in repr(Departure("https://x.example/?state=secret", "secret", False))
