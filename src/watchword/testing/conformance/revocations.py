"""`Revocations`: who keeps a picture hears of each change once, when it is committed."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from watchword.domain.accounts import EmailAddress, Status
from watchword.domain.errors import LastAdmin
from watchword.domain.factors import Totp
from watchword.domain.roles import USER
from watchword.domain.sessions import EndReason
from watchword.domain.time import HOUR
from watchword.ports import Change, StoredKey, Topic, Unit
from watchword.testing.conformance.ground import (
    HASH,
    NOW,
    Abandoned,
    ConformingStore,
    Promises,
    a_session,
    abandon,
    alone,
    an_account,
    an_admin,
    at_once,
    given,
    given_session,
    rotated,
)

ADA = an_account()
FIRST, SECOND = a_session(ADA, 1), a_session(ADA, 2, at=NOW + 1)
KEY = StoredKey("k", "EdDSA", b"sealed", NOW, None, None)
OF_ADA, OF_KEYS = [Change(Topic.USER, ADA.id)], [Change(Topic.KEYS)]
OF_SESSIONS = [Change(Topic.SESSION, FIRST.id), Change(Topic.SESSION, SECOND.id)]

Verb = Callable[[Unit], Awaitable[object]]


def activate(unit: Unit) -> Awaitable[object]:
    return unit.keys.activate(KEY.kid, now=NOW, overlap=HOUR)


async def enrol(unit: Unit) -> None:
    totp = Totp(user_id=ADA.id, sealed_secret=b"sealed", last_step=0, created_at=NOW)
    await unit.totp.propose(totp)
    await unit.totp.confirm(totp, step=1, now=NOW, shown_in=FIRST)


def evict(unit: Unit) -> Awaitable[object]:
    newest = a_session(ADA, 3, at=NOW + 2)
    return unit.sessions.open(newest, limit=2, evicts=True, proven=None)


CHANGING: dict[str, tuple[Verb, list[Change]]] = {
    "rename": (lambda u: u.accounts.rename(ADA.id, "New"), OF_ADA),
    "password": (lambda u: u.accounts.replace_password(ADA.id, "n", instead_of=HASH), OF_ADA),
    "set password": (lambda u: u.ownership.set_password(ADA.id, "n"), OF_ADA),
    "verify address": (lambda u: u.ownership.verify_address(ADA.id, ADA.email), OF_ADA),
    "change address": (
        lambda u: u.ownership.change_address(
            ADA.id, EmailAddress("n@example.org", "n@example.org"), instead_of=ADA.email
        ),
        OF_ADA,
    ),
    "second factor": (enrol, OF_ADA),
    "role": (lambda u: u.accounts.change_role(ADA.id, "support"), OF_ADA),
    "status": (lambda u: u.accounts.change_status(ADA.id, Status.DISABLED), OF_ADA),
    "delete": (lambda u: u.accounts.delete(ADA.id), OF_ADA + OF_SESSIONS),
    "end": (
        lambda u: u.sessions.end(FIRST.id, EndReason.REVOKED, now=NOW),
        OF_SESSIONS[:1],
    ),
    "end_all": (lambda u: u.sessions.end_all(ADA.id, EndReason.REVOKED, now=NOW), OF_SESSIONS),
    "evict": (evict, OF_SESSIONS[:1]),
    "reprove": (
        lambda u: u.sessions.reprove(FIRST, ("pwd",), now=NOW),
        OF_SESSIONS[:1],
    ),
    "insert key": (lambda u: u.keys.insert(replace(KEY, kid="new")), OF_KEYS),
    "activate key": (activate, OF_KEYS),
    "delete key": (lambda u: u.keys.delete(KEY.kid), OF_KEYS),
}
# Some of all may have ended elsewhere a moment before: whoever ends the rest may go by it for all.
BESIDE: dict[str, list[Change]] = {"end_all": OF_ADA}
EACH_CHANGING_VERB = pytest.mark.parametrize("name", CHANGING)


async def settle(store: ConformingStore) -> None:
    """Everything a verb may need, and all news of it heard."""
    await given(store, ADA, an_admin())
    for session in (FIRST, SECOND):
        await given_session(store, session)
    await alone(store, lambda unit: unit.keys.insert(KEY))
    store.revocations.news()
    assert list(store.revocations.news() or ()) == []


class RevocationPromises(Promises):
    async def test_a_store_without_changes_has_no_news(self, store: ConformingStore) -> None:
        store.revocations.news()  # a new process may know nothing yet
        for _ in range(3):
            assert list(store.revocations.news() or ()) == []

    @EACH_CHANGING_VERB
    async def test_a_change_is_heard_of_once_and_not_before_its_commit(
        self, store: ConformingStore, name: str
    ) -> None:
        verb, changes = CHANGING[name]
        await settle(store)
        async with store.transaction() as unit:
            await verb(unit)
            assert list(store.revocations.news() or ()) == []
        news = store.revocations.news()
        beside = BESIDE.get(name, [])
        assert news is None or [change for change in news if change not in beside] == changes
        assert list(store.revocations.news() or ()) == []

    @EACH_CHANGING_VERB
    async def test_a_change_that_is_rolled_back_leaves_no_trace(
        self, store: ConformingStore, name: str
    ) -> None:
        verb, _ = CHANGING[name]
        await settle(store)
        with pytest.raises(Abandoned):
            await abandon(store, verb)
        assert list(store.revocations.news() or ()) == []

    async def test_what_changes_nothing_is_no_news(self, store: ConformingStore) -> None:
        """But for ends: others may have come first whose news is still on its way."""
        await settle(store)
        assert not await rotated(store, FIRST, 9, now=NOW)
        async with store.transaction() as unit:
            await unit.accounts.replace_password(ADA.id, "new", instead_of="another")
            await unit.keys.activate("unknown", now=NOW, overlap=HOUR)
            with pytest.raises(LastAdmin):
                await unit.accounts.change_role(an_admin().id, USER)
        assert list(store.revocations.news() or ()) == []

    async def test_every_change_of_many_at_once_is_heard_of(self, store: ConformingStore) -> None:
        await settle(store)
        people = [an_account(f"p{number}") for number in range(20)]
        await given(store, *people)
        store.revocations.news()

        async def rename(account_id: str) -> None:
            async with store.transaction() as unit:
                await unit.accounts.rename(account_id, "New")

        _, raised = await at_once(*(rename(account.id) for account in people))
        assert raised == []
        news = store.revocations.news()
        expected = {Change(Topic.USER, account.id) for account in people}
        assert news is None or set(news) == expected

    async def test_news_comes_in_the_order_of_the_changes(self, store: ConformingStore) -> None:
        await settle(store)
        async with store.transaction() as unit:
            await unit.keys.delete(KEY.kid)
            await unit.accounts.rename(ADA.id, "New")
            await unit.sessions.end(SECOND.id, EndReason.REVOKED, now=NOW)
        news = store.revocations.news()
        expected = [*OF_KEYS, *OF_ADA, OF_SESSIONS[1]]
        assert news is None or list(news) == expected
