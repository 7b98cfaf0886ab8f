"""`AuditLog` and `AuditReader`: written with what it tells of, read newest first."""

import json

import pytest

from watchword.domain.events import (
    Event,
    ProfileChanged,
    Registered,
    RoleChanged,
    SignedIn,
    SignInFailed,
)
from watchword.domain.time import DAY, Instant
from watchword.ports import AuditQuery, AuditRecord, PageRequest, RequestTrace
from watchword.testing.conformance.ground import (
    NOW,
    Abandoned,
    ConformingStore,
    Promises,
    abandon,
    alone,
)

EVERYTHING = AuditQuery()
ALL_ON_ONE = PageRequest(200)
TRACE = RequestTrace(request_id="r-1", ip="192.0.2.1", user_agent='Agent "1" \\ ü')


async def given_events(store: ConformingStore, *events: Event, at: Instant = NOW) -> None:
    async with store.transaction() as unit:
        for event in events:
            await unit.audit.append(event, at=at, trace=TRACE._replace(language="de"))


async def subjects(store: ConformingStore, query: AuditQuery) -> list[str | None]:
    page = await store.reading.audit.list_events(query, ALL_ON_ONE)
    return [record.subject for record in page.rows]


class AuditPromises(Promises):
    async def test_an_empty_log_has_one_empty_page(self, store: ConformingStore) -> None:
        page = await store.reading.audit.list_events(EVERYTHING, ALL_ON_ONE)
        assert list(page.rows) == []
        assert page.following is None

    async def test_an_event_is_read_as_it_was_written(self, store: ConformingStore) -> None:
        event = RoleChanged(subject="ada", actor="grace", session="s", before="user", after="admin")
        await given_events(store, event)
        (record,) = (await store.reading.audit.list_events(EVERYTHING, ALL_ON_ONE)).rows
        assert record == AuditRecord(
            id=record.id,
            at=NOW,
            type="account.role_changed",
            subject="ada",
            actor="grace",
            session="s",
            trace=TRACE,
            details=record.details,
        )
        assert json.loads(record.details) == {"before": "user", "after": "admin"}

    async def test_details_keep_their_types(self, store: ConformingStore) -> None:
        await given_events(store, SignedIn(subject="ada", amr="pwd", new_device=True))
        (record,) = (await store.reading.audit.list_events(EVERYTHING, ALL_ON_ONE)).rows
        assert json.loads(record.details) == {"amr": "pwd", "newDevice": True}

    async def test_the_newest_comes_first_also_within_one_moment(
        self, store: ConformingStore
    ) -> None:
        await given_events(store, Registered(subject="first"), Registered(subject="second"))
        await given_events(store, Registered(subject="third"))
        assert await subjects(store, EVERYTHING) == ["third", "second", "first"]

    async def test_pages_hold_each_event_once_while_new_ones_arrive(
        self, store: ConformingStore
    ) -> None:
        await given_events(store, *(Registered(subject=str(number)) for number in range(6)))
        seen, request = [], PageRequest(2)
        for _ in range(3):
            page = await store.reading.audit.list_events(EVERYTHING, request)
            seen += [record.subject for record in page.rows]
            request = PageRequest(2, page.following)
            await given_events(store, Registered(subject="late"))
        assert seen == ["5", "4", "3", "2", "1", "0"]
        assert request.after is None

    @pytest.mark.parametrize("after", ["0", "-1", "x", "", "1 OR 1=1", "9" * 30])
    async def test_i06_a_forged_key_is_no_error(self, store: ConformingStore, after: str) -> None:
        await given_events(store, Registered(subject="ada"))
        page = await store.reading.audit.list_events(EVERYTHING, PageRequest(2, after))
        assert page.following is None

    async def test_a_user_finds_what_was_done_to_and_by_him(self, store: ConformingStore) -> None:
        await given_events(
            store,
            Registered(subject="ada"),
            Registered(subject="bob", actor="ada"),
            Registered(subject="bob"),
            SignInFailed(subject=None, reason="unknown"),
        )
        assert await subjects(store, AuditQuery(user="ada")) == ["bob", "ada"]
        assert await subjects(store, AuditQuery(user="bob")) == ["bob", "bob"]
        assert await subjects(store, AuditQuery(user="eve")) == []

    async def test_type_and_time_narrow_the_list(self, store: ConformingStore) -> None:
        for moment in range(4):
            await given_events(store, Registered(subject=str(moment)), at=NOW + moment)
        await given_events(store, SignInFailed(subject="9", reason="password"), at=NOW + 2)
        failed = AuditQuery(type=SignInFailed.type)
        assert await subjects(store, failed) == ["9"]
        assert await subjects(store, AuditQuery(since=NOW + 1, until=NOW + 3)) == ["9", "2", "1"]
        assert await subjects(store, AuditQuery(since=NOW + 3)) == ["3"]
        assert await subjects(store, AuditQuery(until=NOW + 1)) == ["0"]
        everything = AuditQuery(user="2", type=Registered.type, since=NOW + 2, until=NOW + 3)
        assert await subjects(store, everything) == ["2"]

    async def test_filtered_pages_follow_on(self, store: ConformingStore) -> None:
        for number in range(4):
            await given_events(store, Registered(subject="ada", actor=str(number)))
            await given_events(store, Registered(subject="bob"))
        query = AuditQuery(user="ada")
        first = await store.reading.audit.list_events(query, PageRequest(3))
        rest = await store.reading.audit.list_events(query, PageRequest(3, first.following))
        assert [record.actor for record in (*first.rows, *rest.rows)] == ["3", "2", "1", "0"]
        assert rest.following is None

    async def test_events_are_counted_by_type_and_step(self, store: ConformingStore) -> None:
        """A month in days: the milliseconds of it do not fit in 32 bits."""
        types = [Registered.type, SignInFailed.type, SignedIn.type]
        for at in (NOW - 1, NOW, NOW + DAY - 1, NOW + DAY, NOW + 30 * DAY - 1, NOW + 30 * DAY):
            await given_events(store, Registered(subject="ada"), at=at)
        await given_events(store, SignInFailed(subject=None, reason="password"), at=NOW + DAY)
        await given_events(store, ProfileChanged(subject="ada"), at=NOW)
        counts = await store.reading.audit.count_events(types, since=NOW, step=DAY, steps=30)
        assert {type_: list(each) for type_, each in counts.items()} == {
            Registered.type: [2, 1, *[0] * 27, 1],
            SignInFailed.type: [0, 1, *[0] * 28],
            SignedIn.type: [0] * 30,
        }

    async def test_what_is_rolled_back_was_never_written(self, store: ConformingStore) -> None:
        with pytest.raises(Abandoned):
            await abandon(
                store, lambda u: u.audit.append(Registered(subject="ada"), at=NOW, trace=TRACE)
            )
        assert await subjects(store, EVERYTHING) == []
        await alone(store, lambda u: u.audit.append(Registered(subject="bob"), at=NOW, trace=TRACE))
        assert await subjects(store, EVERYTHING) == ["bob"]
