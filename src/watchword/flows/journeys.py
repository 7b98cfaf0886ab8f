"""To another identity provider and back: one start, one browser, one return (O01, O02, O04).

Invariant: what came back is used up before its code is given to the provider, whatever follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from watchword.crypto.federation_starts import FederationStart, SealedStarts, Vouched
from watchword.crypto.jws import InvalidToken
from watchword.crypto.opaque import from_text, hash_of, to_text
from watchword.crypto.sealing import SealBroken
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.errors import FederationFailed, LinkInvalid, NotFound
from watchword.domain.federation import Identity
from watchword.domain.links import Link, Purpose
from watchword.ports import Clock, ListedProvider, Providers, Randomness, Store

_SECRET_BYTES = 32
_TOO_LATE = "That took too long, or was answered before. Link it once more."


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where somebody wants to go, and what becomes of them when they are back: see
    `FederationStart`. ``user_id`` goes with a ``session_id``.
    """

    provider: str
    return_to: str
    transport: str
    remember: bool = True
    device: str | None = None
    replaces: frozenset[str] = frozenset()
    session_id: str | None = None
    user_id: str | None = None
    asks: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Departure:
    """``url`` is where the browser has to go, ``binding`` the cookie that it has to come back with.
    ``posts_back``: see `OpenIdProvider`.
    """

    url: str
    binding: str
    posts_back: bool


@dataclass(frozen=True, slots=True, repr=False)
class Return:
    """Somebody is back, and the provider has said who it was."""

    start: FederationStart
    identity: Identity


@dataclass(frozen=True, slots=True)
class Journeys:
    store: Store
    providers: Providers
    starts: SealedStarts
    clock: Clock
    randomness: Randomness
    public_url: str

    def listed(self) -> Sequence[ListedProvider]:
        return self.providers.listed()

    def get(self, provider: str) -> ListedProvider:
        """Raise `NotFound` for one that is not configured."""
        for listed in self.providers.listed():
            if listed.id == provider:
                return listed
        raise NotFound("There is no such identity provider here.")

    async def begin(self, plan: Plan, binding: str | None) -> Departure:
        """``binding``: the cookie that the browser has from an earlier start, so that several can
        be under way in it. Raise `NotFound`, `FederationFailed`, `ProviderUnavailable`.
        """
        listed = self.get(plan.provider)
        state, nonce, verifier = (self._secret() for _ in range(3))
        url = await self.providers.begin(
            plan.provider,
            redirect_uri=self._redirect_uri(plan.provider),
            state=state,
            nonce=nonce,
            verifier=verifier,
        )
        held = binding if binding is not None and _is_ours(binding) else self._secret()
        start = FederationStart(
            provider=plan.provider,
            nonce=nonce,
            verifier=verifier,
            return_to=plan.return_to,
            transport=plan.transport,
            remember=plan.remember,
            device=plan.device,
            replaces=tuple(plan.replaces),
            session_id=plan.session_id,
            asks=plan.asks,
        )
        await self._remember(start, state, held, plan.user_id)
        return Departure(url, held, listed.posts_back)

    async def finish(
        self, provider: str, parameters: Sequence[tuple[str, str]], binding: str | None
    ) -> Return:
        """``parameters`` as they came, doubles included. Raise `NotFound`, `FederationFailed`,
        `ProviderUnavailable`.
        """
        self.get(provider)
        start = await self._use_up(Purpose.FEDERATION, _state_of(parameters), binding)
        if start.provider != provider:  # an answer of one provider for a start at another (O05)
            raise FederationFailed("callback: of another provider")
        identity = await self.providers.finish(
            provider,
            parameters,
            redirect_uri=self._redirect_uri(provider),
            nonce=start.nonce,
            verifier=start.verifier,
        )
        return Return(start, identity)

    async def pause(self, back: Return, account: Account, binding: str | None) -> str:
        """Until ``account``'s owner has said what is to follow, for five minutes and in this
        browser; the token to `resume` with.
        """
        identity, token = back.identity, self._secret()
        address = identity.email or EmailAddress("", "")
        vouched = Vouched(identity.issuer, identity.subject, address.text, address.key)
        start = back.start.waiting(vouched)
        await self._remember(start, token, binding or "", account.id)
        return token

    async def resume(self, token: str, binding: str | None, session_id: str) -> Return:
        """Once, and for the session of the start. Raise `LinkInvalid`."""
        try:
            start = await self._use_up(Purpose.CONSENT, token, binding)
        except FederationFailed:
            raise LinkInvalid(_TOO_LATE) from None
        vouched = start.vouched
        if vouched is None or start.session_id != session_id:
            raise LinkInvalid(_TOO_LATE)
        email = EmailAddress(vouched.address, vouched.key) if vouched.address else None
        return Return(start, Identity(vouched.issuer, vouched.subject, email))

    async def _remember(
        self, start: FederationStart, state: str, binding: str, user_id: str | None
    ) -> None:
        now, token_hash = self.clock.now(), hash_of(state.encode())
        purpose = Purpose.FEDERATION if start.vouched is None else Purpose.CONSENT
        link = Link(
            token_hash,
            purpose,
            user_id,
            now,
            now + purpose.lifetime,
            binding=hash_of(binding.encode()),
            detail=self.starts.seal(start, token_hash),
        )
        async with self.store.transaction() as unit:
            await unit.links.insert(link)

    async def _use_up(self, purpose: Purpose, state: str, binding: str | None) -> FederationStart:
        """In another browser it stays good for the right one."""
        token_hash = hash_of(state.encode("utf-8", "replace"))
        held = hash_of((binding or "").encode("utf-8", "replace"))
        now = self.clock.now()
        async with self.store.transaction() as unit:
            link = await unit.links.consume(token_hash, purpose, now=now, binding=held)
        if link is None:
            raise FederationFailed("callback: state not known here, or not to this browser")
        try:
            return self.starts.open(link.detail, token_hash)
        except SealBroken:
            raise FederationFailed("callback: state of another secret") from None

    def _secret(self) -> str:
        """43 characters, as RFC 7636 section 4.1 wants of a verifier."""
        return to_text(self.randomness.bytes(_SECRET_BYTES))

    def _redirect_uri(self, provider: str) -> str:
        return f"{self.public_url}/auth/{provider}/callback"


def _state_of(parameters: Sequence[tuple[str, str]]) -> str:
    states = [value for name, value in parameters if name == "state"]
    if len(states) != 1 or not states[0]:
        raise FederationFailed("callback: not one state")
    return states[0]


def _is_ours(binding: str) -> bool:
    """Long enough that nobody guesses it; whose it is, only its browser has to care."""
    try:
        return len(from_text(binding)) == _SECRET_BYTES
    except InvalidToken:
        return False
