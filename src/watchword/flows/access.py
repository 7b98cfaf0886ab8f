"""The protected request: from the text of a token to a caller, with no I/O when nothing changed."""

from contextlib import suppress

from watchword.crypto.access_tokens import AccessClaims, AccessTokens, ExpiredToken
from watchword.crypto.jws import InvalidToken, UnknownKey
from watchword.crypto.opaque import SessionTokens
from watchword.domain.errors import SessionRevoked, TokenExpired, TokenInvalid
from watchword.domain.sessions import Transport
from watchword.domain.standing import Caller
from watchword.domain.time import SECOND, Instant
from watchword.flows.keyring import KeyRing, Keys
from watchword.flows.standings import Standings
from watchword.ports import Clock


class Access:
    """Two ways in: an access token, or the cookie of the ``session`` transport. What ``is_use``
    slides the idle end of its session.
    """

    def __init__(
        self,
        tokens: AccessTokens,
        cookies: SessionTokens,
        keyring: KeyRing,
        standings: Standings,
        *,
        clock: Clock,
        capacity: int = 50_000,
    ) -> None:
        self._tokens = tokens
        self._cookies = cookies
        self._keyring = keyring
        self._standings = standings
        self._clock = clock
        self._capacity = capacity
        self._verified: dict[str, AccessClaims] = {}
        self._epoch = keyring.epoch

    async def by_access_token(self, text: str, *, is_use: bool = True) -> Caller:
        """Raise `TokenInvalid`, `TokenExpired`, or what `Standings.admit` raises. A token of
        before the last re-authentication has expired with it (ASVS 7.2.4).
        """
        now = self._clock.now()
        if text not in self._verified:
            self._refuse_garbage(text, now)
        self._standings.catch_up()
        self._keyring.forget_if_retired(now)
        self._forget_if_keys_changed()
        claims = self._verified.get(text)
        if claims is None:
            claims = await self._verify_anew(text, now)
        if now >= claims.exp * SECOND:
            self._verified.pop(text, None)
            raise TokenExpired
        caller = await self._standings.admit(claims.sid, now)
        if claims.gen != caller.session.proof:
            raise TokenExpired
        if is_use:
            self._standings.note_use(claims.sid, now)
        return caller

    async def _verify_anew(self, text: str, now: Instant) -> AccessClaims:
        with suppress(UnknownKey):
            return self._verify(text, await self._keyring.keys(), now)
        try:
            return self._verify(text, await self._keyring.keys_anew(), now)
        except UnknownKey:
            raise TokenInvalid from None

    def _refuse_garbage(self, text: str, now: Instant) -> None:
        """What the keys at hand tell costs nobody a look at the store. A key that is not among them
        may be news; one that is may be gone, and then `catch_up` tells.
        """
        keys = self._keyring.at_hand
        if keys is None:
            return
        with suppress(UnknownKey):
            self._verify(text, keys, now)

    def _forget_if_keys_changed(self) -> None:
        if self._epoch != self._keyring.epoch:
            self._verified.clear()
            self._epoch = self._keyring.epoch

    def _verify(self, text: str, keys: Keys, now: Instant) -> AccessClaims:
        """Raise `TokenInvalid`, `TokenExpired`, or `UnknownKey` for a key not among ``keys``."""
        try:
            claims = self._tokens.verify(text, keys.verifying, now // SECOND)
        except ExpiredToken:
            raise TokenExpired from None
        except UnknownKey:
            raise
        except InvalidToken:
            raise TokenInvalid from None
        while len(self._verified) >= self._capacity:
            del self._verified[next(iter(self._verified))]
        self._verified[text] = claims
        return claims

    async def by_session_cookie(self, text: str, *, is_use: bool = True) -> Caller:
        """Raise `TokenInvalid` for what is not ours, `SessionRevoked` for a cookie that a newer
        one has replaced, or what `Standings.admit` raises.
        """
        now = self._clock.now()
        try:
            presented = self._cookies.read(text)
            self._standings.catch_up()
            caller = await self._standings.admit(presented.session_id, now)
            self._cookies.require_genuine(presented, caller.session.salt)
        except InvalidToken:
            raise TokenInvalid from None
        if caller.session.transport is not Transport.SESSION:
            raise TokenInvalid
        if presented.generation != caller.session.generation:
            raise SessionRevoked
        if is_use:
            self._standings.note_use(presented.session_id, now)
        return caller
