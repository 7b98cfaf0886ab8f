"""What a signed-in person is given to hold: an access token, and the token of the transport."""

from dataclasses import dataclass

from watchword.crypto.access_tokens import AccessClaims, AccessTokens
from watchword.crypto.opaque import SessionTokens, to_text
from watchword.domain.accounts import Account
from watchword.domain.roles import Roles
from watchword.domain.sessions import Session, Transport
from watchword.domain.standing import Caller
from watchword.domain.time import SECOND, Instant, Span
from watchword.flows.keyring import KeyRing
from watchword.ports import Randomness

_JTI_BYTES = 12


@dataclass(frozen=True, slots=True)
class AccessToken:
    """``expires_in`` is in whole seconds."""

    text: str
    expires_in: int

    def __repr__(self) -> str:
        return "AccessToken(<hidden>)"


@dataclass(frozen=True, slots=True)
class Grant:
    """``held`` is the refresh token, or in the ``session`` transport the cookie's value; there no
    access token is given. ``session`` is as it was last read: after a refresh, of a step before.
    ``ends_in`` is the time to its absolute end.
    """

    account: Account
    session: Session
    access: AccessToken | None
    held: str
    ends_in: Span
    device: str | None = None

    def __repr__(self) -> str:
        return f"Grant(session={self.session.id!r})"


@dataclass(frozen=True, slots=True)
class Grants:
    """Makes grants; nothing here is stored."""

    tokens: AccessTokens
    keyring: KeyRing
    refresh_tokens: SessionTokens
    cookies: SessionTokens
    lifetime: Span
    randomness: Randomness
    roles: Roles

    async def give(
        self, account: Account, session: Session, *, now: Instant, device: str | None = None
    ) -> Grant:
        if session.transport is Transport.SESSION:
            held = self.cookies.make(session.id, session.generation, session.salt)
            return Grant(account, session, None, held, session.expires_at - now, device)
        return await self._tokens(account, session, session.generation, now=now, device=device)

    async def renew(self, caller: Caller, generation: int, *, now: Instant) -> Grant:
        """For a session of a refresh token whose rotation has just led to ``generation``."""
        return await self._tokens(caller.account, caller.session, generation, now=now, device=None)

    async def _tokens(
        self,
        account: Account,
        session: Session,
        generation: int,
        *,
        now: Instant,
        device: str | None,
    ) -> Grant:
        held = self.refresh_tokens.make(session.id, generation, session.salt)
        access = await self.access_token(account, session, now=now)
        return Grant(account, session, access, held, session.expires_at - now, device)

    async def access_token(
        self, account: Account, session: Session, *, now: Instant
    ) -> AccessToken:
        """It never outlives its session's absolute end, to the second."""
        issued = now // SECOND
        ends = min(now + self.lifetime, session.expires_at) // SECOND
        claims = AccessClaims(
            iss=self.tokens.issuer,
            aud=self.tokens.audience,
            sub=account.id,
            sid=session.id,
            jti=to_text(self.randomness.bytes(_JTI_BYTES)),
            iat=issued,
            exp=max(ends, issued + 1),
            role=self.roles.in_force(account.role, session.amr),
            gen=session.proof,
            amr=session.amr,
        )
        keys = self.keyring.at_hand or await self.keyring.keys()
        return AccessToken(self.tokens.issue(claims, keys.signing), claims.exp - issued)
