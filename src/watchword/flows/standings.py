"""Who is signed in, as of now, without asking the store each time.

A picture of each session with its account is kept here, and `Revocations` is asked before every
look at what may have changed of it. Invariant: when in doubt, the store is asked; when it cannot
answer, nobody gets in.
"""

from collections.abc import Mapping, Sequence
from itertools import islice

from watchword.domain.errors import SessionRevoked, Unavailable
from watchword.domain.roles import Roles
from watchword.domain.sessions import Session
from watchword.domain.standing import Caller
from watchword.domain.time import MINUTE, Instant, Span
from watchword.flows.keyring import KeyRing
from watchword.ports import Change, Count, Meter, Revocations, Standing, Store, Topic

_STALE_PARTS = 100
_STALE_AT_MOST: Span = 5 * MINUTE
_PIECE = 500  # uses written down in one transaction, so that nobody waits long behind them


class _Picture:
    """``seen`` is the last use known here, ``stored`` the last that the store knows of, by which
    the session ends at ``ends_at`` unless the store is told of a later use.
    """

    __slots__ = ("caller", "ends_at", "seen", "stored")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.seen = caller.session.last_seen_at
        self.write_down(self.seen)

    def write_down(self, seen: Instant) -> None:
        session = self.caller.session
        self.stored = seen
        self.ends_at = min(seen + session.idle_ttl, session.expires_at)


def _is_open(standing: Standing) -> bool:
    """Nobody has ended it: no picture is kept of one that a clock set back might bring to life."""
    return standing.account.is_active and standing.session.ended_at is None


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
        """The caller of a live session; `catch_up` was called before it.

        Raise `SessionRevoked` or `SessionExpired`. An end that is due is confirmed by the store:
        another process may have seen the session since.
        """
        picture = self._pictures.get(session_id)
        if picture is None or now >= picture.ends_at:
            await self.settle(session_id, now)
            picture = await self._load(session_id)
            picture.caller.session.require_alive(now)
        else:
            self._meter.count(Count.CACHE, "session_hit")
        return picture.caller

    def note_use(self, session_id: str, now: Instant) -> None:
        """Of a session that has just been admitted, by whoever has proven to hold it."""
        picture = self._pictures.get(session_id)
        if picture is None or now <= picture.seen:
            return
        picture.seen = now
        if now - picture.stored >= self._stale_after(picture.caller.session.idle_ttl):
            self._unstored[session_id] = picture

    def note_rotation(self, session_id: str, now: Instant) -> None:
        """The store has just slid the session to this use."""
        picture = self._pictures.get(session_id)
        if picture is not None and now > picture.stored:
            picture.seen = max(picture.seen, now)
            picture.write_down(now)

    async def find(self, session_id: str) -> Session:
        """The session as it was last read, for what never changes of it: its person, its transport,
        its salt. Raise `SessionRevoked` for one that is not there any more.
        """
        picture = self._pictures.get(session_id) or await self._load(session_id)
        return picture.caller.session

    async def settle(self, session_id: str, now: Instant) -> None:
        """When the store is about to take the session for idle, tell it of the last use first."""
        picture = self._unstored.get(session_id) or self._pictures.get(session_id)
        if picture is not None and now >= picture.ends_at and picture.seen > picture.stored:
            await self._write({session_id: picture})

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

    def forget(self, session_id: str) -> None:
        """The next look asks the store, and one that is under way is not kept."""
        self._epoch += 1
        self._forget(session_id)

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
        standing = await self._store.reading.sessions.find(session_id)
        if standing is None or not _is_open(standing):
            self._forget(session_id)
            raise SessionRevoked
        caller = self._caller(standing)
        picture = _Picture(caller)
        if epoch == self._epoch:
            self._keep(session_id, picture)
        return picture

    def _caller(self, standing: Standing) -> Caller:
        account, session, roles = standing.account, standing.session, self._roles
        role = roles.in_force(account.role, session.amr)
        permissions = roles.granted_to(role)
        withheld = roles.granted_to(account.role) - permissions
        return Caller(account, session, role, permissions, withheld)

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
        written = 0
        while self._unstored:
            piece = dict(islice(self._unstored.items(), _PIECE))
            for session_id in piece:
                del self._unstored[session_id]
            try:
                await self._write(piece)
            except Unavailable:
                self._unstored = piece | self._unstored
                raise
            written += len(piece)
        return written

    async def _write(self, pictures: Mapping[str, _Picture]) -> None:
        seen = {session_id: picture.seen for session_id, picture in pictures.items()}
        if not seen:
            return
        await self._store.touch(list(seen.items()))
        for session_id, at in seen.items():
            pictures[session_id].write_down(at)
