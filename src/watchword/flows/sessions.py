"""Seeing and ending sessions. What is ended here is refused on its very next request."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from watchword.crypto.access_tokens import AccessTokens, ExpiredToken
from watchword.crypto.jws import InvalidToken
from watchword.crypto.opaque import SessionTokens
from watchword.domain.errors import NotFound, SessionRevoked
from watchword.domain.events import SessionEnded, SessionsEnded
from watchword.domain.sessions import EndReason, Session
from watchword.domain.standing import Caller
from watchword.domain.time import SECOND, Instant
from watchword.flows.keyring import KeyRing
from watchword.ports import Clock, RequestTrace, Store, Unit


@dataclass(frozen=True, slots=True)
class SessionsOfUser:
    store: Store
    clock: Clock

    async def list_live(self, user_id: str) -> Sequence[Session]:
        """Newest first."""
        return await self.store.reading.sessions.list_live(user_id, self.clock.now())

    async def end_one(self, caller: Caller, session_id: str, trace: RequestTrace) -> None:
        """One of the caller's own. Raise `NotFound` for anybody else's (attack A02)."""
        standing = await self.store.reading.sessions.find(session_id)
        is_own = standing is not None and standing.account.id == caller.account.id
        if not is_own or not await self.end(session_id, EndReason.REVOKED, trace, actor=caller):
            raise NotFound("There is no such session.")

    async def end(
        self,
        session_id: str,
        reason: EndReason,
        trace: RequestTrace,
        *,
        actor: Caller | None = None,
    ) -> bool:
        """False when it had ended before, or never was. The end comes first: it holds as well where
        what moves in a session cannot be read.
        """
        now = self.clock.now()
        async with self.store.transaction() as unit:
            if not await unit.sessions.end(session_id, reason, now=now):
                return False
            standing = await unit.sessions.find(session_id)
            assert standing is not None  # what has just ended is kept
            event = SessionEnded(
                subject=standing.account.id,
                actor=actor.account.id if actor else None,
                session=session_id,
                reason=reason,
            )
            await unit.audit.append(event, at=now, trace=trace)
        return True

    async def end_all(
        self,
        user_id: str,
        trace: RequestTrace,
        *,
        actor: Caller | None = None,
        keep: str | None = None,
    ) -> int:
        """Every live session of the user, but for ``keep``; how many there were. What a thief has
        begun in one of them ends as well: half a sign-in, a change of address (attack P08).
        """
        now = self.clock.now()
        async with taking_from(user_id, self.store, now) as unit:
            if await unit.accounts.find(user_id) is None:
                raise NotFound("There is no such user.")
            count = await unit.sessions.end_all(user_id, EndReason.REVOKED, now=now, keep=keep)
            await unit.links.discard(user_id)
            await unit.outbox.recall(user_id)
            event = SessionsEnded(
                subject=user_id,
                actor=actor.account.id if actor else None,
                reason=EndReason.REVOKED,
                count=count,
            )
            await unit.audit.append(event, at=now, trace=trace)
        return count


@dataclass(frozen=True, slots=True)
class HeldTokens:
    """Which session a token that a client holds belongs to, whatever has become of either."""

    store: Store
    opaque: Sequence[SessionTokens]
    access: AccessTokens
    keyring: KeyRing
    clock: Clock

    async def session_of(self, text: str) -> str | None:
        """By a refresh token or a session cookie, used or not. None for what is not ours."""
        for tokens in self.opaque:
            try:
                presented = tokens.read(text)
                standing = await self.store.reading.sessions.find(presented.session_id)
                if standing is not None:  # else deleted, and others may not have heard of it yet
                    tokens.require_genuine(presented, standing.session.salt)
            except InvalidToken:
                continue
            return presented.session_id
        return None

    async def session_of_access_token(self, text: str) -> str | None:
        """An expired one will do: to sign out is never too late. None for what is not ours."""
        keys = await self.keyring.keys()
        try:
            return self.access.verify(text, keys.verifying, self.clock.now() // SECOND).sid
        except ExpiredToken as expired:
            return expired.claims.sid
        except InvalidToken:
            return None


@asynccontextmanager
async def taking_from(user_id: str, store: Store, now: Instant) -> AsyncIterator[Unit]:
    """A transaction that takes away what a user may do. When it raises `NotFound` the account may
    have been deleted elsewhere this very moment: who is told so goes by it as by an end of theirs.
    """
    try:
        async with store.transaction() as unit:
            yield unit
    except NotFound:
        async with store.transaction() as unit:
            if await unit.accounts.find(user_id) is None:
                await unit.sessions.end_all(user_id, EndReason.REVOKED, now=now)
        raise


async def require_alive(unit: Unit, caller: Caller, now: Instant) -> None:
    """Hashing and waiting for a browser take a while, and the session may have been ended in it,
    perhaps because it was a thief's. Raise `SessionRevoked` or `SessionExpired`.
    """
    standing = await unit.sessions.find(caller.session.id)
    if standing is None:
        raise SessionRevoked
    standing.session.require_alive(now)
