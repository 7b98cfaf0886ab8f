"""Who is signed in, as of now, without asking the store each time.

A picture of each session with its account is kept here, and `Revocations` is asked before every
look at it. Invariant: when in doubt, the store is asked; when it cannot answer, nobody gets in.
"""

from collections.abc import Sequence

from watchword.domain.errors import SessionRevoked
from watchword.domain.roles import Roles
from watchword.domain.sessions import Session
from watchword.domain.standing import Caller
from watchword.domain.time import MINUTE, Instant, Span
from watchword.flows.keyring import KeyRing
from watchword.ports import Change, Count, Meter, Revocations, Store, Topic

_STALE_PARTS = 100
_STALE_AT_MOST: Span = 5 * MINUTE


class _Picture:
    """``seen`` is the last use known here, ``stored`` the last that the store knows of."""

    __slots__ = ("caller", "ends_at", "seen", "stored")

    def __init__(self, caller: Caller, seen: Instant) -> None:
        self.caller = caller
        self.stored = caller.session.last_seen_at
        self.seen = max(seen, self.stored)
        self.ends_at = self._end()

    def _end(self) -> Instant:
        session = self.caller.session
        if session.ended_at is not None:
            return session.ended_at
        return min(self.seen + session.idle_ttl, session.expires_at)

    def see(self, now: Instant) -> None:
        if now > self.seen:
            self.seen = now
            self.ends_at = self._end()

    @property
    def session(self) -> Session:
        return self.caller.session.seen_at(self.seen)


class Standings:
    def __init__(
        self,
        store: Store,
        revocations: Revocations,
        keyring: KeyRing,
        roles: Roles,
        *,
        meter: Meter,
        capacity: int = 50_000,
    ) -> None:
        self._store = store
        self._revocations = revocations
        self._keyring = keyring
        self._roles = roles
        self._meter = meter
        self._capacity = capacity
        self._pictures: dict[str, _Picture] = {}
        self._of_user: dict[str, set[str]] = {}
        self._unstored: dict[str, _Picture] = {}
        self._epoch = 0

    async def admit(self, session_id: str, now: Instant) -> Caller:
        """The caller of a live session, marked as seen now; `catch_up` was called before it.

        Raise `SessionRevoked` or `SessionExpired`. An end that is due is confirmed by the store:
        another process may have seen the session since.
        """
        picture = self._pictures.get(session_id)
        if picture is None or now >= picture.ends_at:
            picture = await self._load(session_id)
            picture.session.require_alive(now)
        picture.see(now)
        if picture.seen - picture.stored >= self._stale_after(picture.caller.session.idle_ttl):
            self._unstored[session_id] = picture
        return picture.caller

    @staticmethod
    def _stale_after(idle_ttl: Span) -> Span:
        return min(idle_ttl // _STALE_PARTS, _STALE_AT_MOST)

    def catch_up(self) -> None:
        """Forget what is no longer so. Raise `Unavailable` when that cannot be known."""
        news = self._revocations.news()
        if news is None:
            self._forget_all()
        elif news:
            self._apply(news)

    def _apply(self, news: Sequence[Change]) -> None:
        self._epoch += 1
        for change in news:
            if change.topic is Topic.SESSION:
                self._forget(change.id)
            elif change.topic is Topic.USER:
                for session_id in tuple(self._of_user.get(change.id, ())):
                    self._forget(session_id)
            else:
                self._keyring.forget()

    def _forget_all(self) -> None:
        self._epoch += 1
        self._pictures.clear()
        self._of_user.clear()
        self._keyring.forget()

    def _forget(self, session_id: str) -> None:
        picture = self._pictures.pop(session_id, None)
        if picture is None:
            return
        user_id = picture.caller.account.id
        sessions = self._of_user.get(user_id, set())
        sessions.discard(session_id)
        if not sessions:
            self._of_user.pop(user_id, None)

    async def _load(self, session_id: str) -> _Picture:
        epoch = self._epoch
        self._meter.count(Count.CACHE, "session_miss")
        known = self._pictures.get(session_id)
        standing = await self._store.reading.sessions.find(session_id)
        if standing is None or not standing.account.is_active:
            self._forget(session_id)
            raise SessionRevoked
        permissions = self._roles.granted_to(standing.account.role)
        caller = Caller(standing.account, standing.session, permissions)
        picture = _Picture(caller, known.seen if known else 0)
        if epoch == self._epoch:
            self._keep(session_id, picture)
        return picture

    def _keep(self, session_id: str, picture: _Picture) -> None:
        while len(self._pictures) >= self._capacity:
            self._forget(next(iter(self._pictures)))
        self._pictures[session_id] = picture
        self._of_user.setdefault(picture.caller.account.id, set()).add(session_id)

    def last_seen(self, session: Session) -> Instant:
        """The last use of ``session`` as it is known here, written down or not."""
        picture = self._pictures.get(session.id)
        return session.last_seen_at if picture is None else picture.seen

    async def flush(self) -> int:
        """Write down the uses that the store does not know of. A crash before it can only end a
        session earlier.
        """
        unstored, self._unstored = self._unstored, {}
        if not unstored:
            return 0
        async with self._store.transaction() as unit:
            await unit.sessions.touch([(id_, picture.seen) for id_, picture in unstored.items()])
        for picture in unstored.values():
            picture.stored = picture.seen
        return len(unstored)
