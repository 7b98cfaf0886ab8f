"""The audit log, as an operator searches it and takes it away."""

import csv
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from io import StringIO

import pytest

from tests.driving import PASSWORD, Server
from tests.web.contract import nothing_new_in
from tests.web.pages.operator import BOB, ROOT, an_operator, events_of, id_of, signed_in
from tests.web.visitor import Visitor
from watchword.domain.errors import Unavailable
from watchword.domain.events import Registered
from watchword.domain.time import DAY
from watchword.ports import (
    AuditQuery,
    AuditReader,
    AuditRecord,
    Page,
    PageRequest,
    RequestTrace,
)


@pytest.fixture
async def root(server: Server) -> Visitor:
    await server.register(BOB)
    return await an_operator(server)


async def write(server: Server, *subjects: str, user_agent: str = "") -> None:
    trace = RequestTrace(user_agent=user_agent)
    async with server.core.store.transaction() as unit:
        for subject in subjects:
            event = Registered(subject=subject)
            await unit.audit.append(event, at=server.clock.now(), trace=trace)


async def rows_of(root: Visitor, query: str) -> list[dict[str, str]]:
    answer = await root.client.get(f"/console/audit/export?format=csv&{query}")
    assert answer.status_code == 200
    return list(csv.DictReader(StringIO(answer.text)))


class TestSearching:
    async def test_finds_by_user_type_and_day(self, root: Visitor) -> None:
        bob = await id_of(root.server, BOB)
        today = "2027-01-15"
        assert bob in (await root.look(f"/console/audit?user={bob}")).text
        page = await root.look("/console/audit?type=session.signed_in")
        assert bob not in page.text
        assert "session.signed_in" in page.text
        assert bob in (await root.look(f"/console/audit?from={today}&to={today}")).text
        assert "Nothing yet." in (await root.look("/console/audit?to=2027-01-14")).text

    async def test_i06_says_no_to_what_it_does_not_know(self, root: Visitor) -> None:
        for query in ("from=noon", "to=2027-13-01", "cursor=forged", "order=at"):
            assert (await root.look(f"/console/audit?{query}")).status == 422

    async def test_leads_to_an_export_of_what_was_found(self, root: Visitor) -> None:
        page = await root.look("/console/audit?type=session.signed_in")
        links = [link for link in page.links if "/export" in link]
        assert links == [
            "/console/audit/export?type=session.signed_in&format=csv",
            "/console/audit/export?type=session.signed_in&format=ndjson",
        ]


class TestAnExport:
    async def test_holds_what_the_search_finds_and_nothing_else(self, root: Visitor) -> None:
        bob = await id_of(root.server, BOB)
        rows = await rows_of(root, f"user={bob}")
        assert [(row["type"], row["subject"]) for row in rows] == [("account.registered", bob)]
        assert len(await rows_of(root, "type=session.signed_in")) == 1
        assert await rows_of(root, "to=2027-01-14") == []

    async def test_goes_on_over_many_pages_newest_first(self, root: Visitor) -> None:
        root.server.clock.advance(DAY)
        subjects = [f"user-{number}" for number in range(450)]
        await write(root.server, *subjects)
        root = await signed_in(root.server, ROOT)
        rows = await rows_of(root, "from=2027-01-16&type=account.registered")
        assert [row["subject"] for row in rows] == subjects[::-1]

    async def test_is_json_line_by_line(self, root: Visitor) -> None:
        answer = await root.client.get("/console/audit/export?format=ndjson")
        assert answer.headers["content-type"] == "application/x-ndjson; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="audit.ndjson"'
        told = [json.loads(line) for line in answer.text.splitlines()]
        assert [event["type"] for event in told][:1] == ["session.signed_in"]
        assert told[0]["details"]["amr"] == "pwd"

    @pytest.mark.parametrize("agent", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1"])
    async def test_i10_holds_no_formula(self, root: Visitor, agent: str) -> None:
        await write(root.server, "eve", user_agent=agent)
        (row,) = await rows_of(root, "user=eve")
        assert row["userAgent"] == f"'{agent}"

    @pytest.mark.parametrize(
        "query", ["", "format=xml", "format=csv&cursor=x", "format=csv&from=x"]
    )
    async def test_i06_says_no_to_what_it_does_not_know(self, root: Visitor, query: str) -> None:
        answer = await root.client.get(f"/console/audit/export?{query}")
        assert answer.status_code == 422
        assert "content-disposition" not in answer.headers

    async def test_is_taken_away_by_nobody_who_only_asks_for_its_head(self, root: Visitor) -> None:
        answer = await root.client.head("/console/audit/export?format=csv")
        assert (answer.status_code, answer.content) == (200, b"")
        assert await events_of(root.server, "audit.exported") == []

    async def test_x05_that_cannot_be_finished_says_so_in_its_last_line(
        self, root: Visitor
    ) -> None:
        services = root.server.core.services
        await write(root.server, *(f"user-{number}" for number in range(250)))
        object.__setattr__(services, "audit", OnePage(services.audit))
        answer = await root.client.get("/console/audit/export?format=ndjson")
        told = [json.loads(line) for line in answer.text.splitlines()]
        assert len(told) == 201
        assert told[-1]["error"].startswith("This is not all of it")
        assert [event for event, _ in root.server.log.events].count("stream_failed") == 1

    async def test_is_noted_with_who_took_it_and_what_they_asked_for(self, root: Visitor) -> None:
        bob, trace = await id_of(root.server, BOB), "198.51.100.7"
        await rows_of(root, f"user={bob}&from=2027-01-14&to=2027-01-15")
        (event,) = await events_of(root.server, "audit.exported")
        assert (event.actor, event.subject) == (await id_of(root.server, ROOT), None)
        assert event.trace.ip == trace
        assert json.loads(event.details) == {
            "ofUser": bob,
            "ofType": None,
            "since": "2027-01-14",
            "until": "2027-01-15",
            "format": "csv",
        }

    async def test_i06_notes_no_more_than_there_is_room_for(self, root: Visitor) -> None:
        await rows_of(root, f"user={'x' * 1_500}&type=%1B%5B2J")
        (event,) = await events_of(root.server, "audit.exported")
        details = json.loads(event.details)
        assert details["ofUser"] == "x" * 64
        assert details["ofType"] == "\ufffd[2J"

    async def test_that_cannot_be_noted_is_none(self, root: Visitor) -> None:
        async with nothing_new_in(root.server, "audit_events"):
            answer = await root.client.get("/console/audit/export?format=csv")
        assert answer.status_code == 503
        assert "content-disposition" not in answer.headers

    @pytest.mark.parametrize("form", ["csv", "ndjson"])
    async def test_a02_ends_once_the_role_of_who_asked_is_taken(
        self, root: Visitor, form: str
    ) -> None:
        server = root.server
        own = await id_of(server, ROOT)
        await server.register_admin("second@example.com")

        async def demote() -> None:
            await server.core.services.users.change_role(None, own, "user", RequestTrace())

        told = await self._meddled_with(root, demote, form)
        assert "whoever asked for it was signed out, or may not read it any more" in told[-1]
        assert len(told) == 201 + (form == "csv")

    async def test_s01_ends_once_the_session_of_who_asked_is_over(self, root: Visitor) -> None:
        server = root.server
        own = await id_of(server, ROOT)

        async def sign_out() -> None:
            await server.core.services.sessions.end_all(own, RequestTrace())

        told = await self._meddled_with(root, sign_out, "ndjson")
        assert json.loads(told[-1])["error"].startswith("This is not all of it: whoever")
        assert len(told) == 201

    async def test_goes_on_while_who_asked_proves_once_more_who_they_are(
        self, root: Visitor
    ) -> None:
        """Which replaces the cookie that the export came by."""
        server = root.server

        async def confirm_again() -> None:
            page = await root.look("/confirm")
            await root.send(page.form("/confirm"), password=PASSWORD)

        told = await self._meddled_with(root, confirm_again, "ndjson")
        assert len(told) > 650
        assert len(await events_of(server, "session.reauthenticated")) == 1

    async def test_asks_the_store_nothing_more_while_nothing_has_changed(
        self, root: Visitor
    ) -> None:
        await write(root.server, *(f"user-{number}" for number in range(650)))
        await root.look("/console/audit")
        before = self._looked_up(root, "session_miss"), self._looked_up(root, "session_hit")
        await root.client.get("/console/audit/export?format=csv")
        after = self._looked_up(root, "session_miss"), self._looked_up(root, "session_hit")
        assert after == (before[0], before[1] + 1 + 3)  # by the request, and by each further page

    @staticmethod
    def _looked_up(root: Visitor, outcome: str) -> float:
        shown = root.server.core.services.meter.render().decode()
        counts = [line for line in shown.splitlines() if f'"{outcome}"' in line]
        return sum(float(line.rpartition(" ")[2]) for line in counts)

    async def _meddled_with(
        self, root: Visitor, deed: Callable[[], Awaitable[None]], form: str
    ) -> list[str]:
        """The lines of an export of four pages, while the second of which something happens."""
        services = root.server.core.services
        await write(root.server, *(f"user-{number}" for number in range(650)))
        object.__setattr__(services, "audit", Meddling(services.audit, deed, after=2))
        answer = await root.client.get(f"/console/audit/export?format={form}")
        return answer.text.splitlines()

    async def test_x05_that_cannot_be_begun_is_refused(self, root: Visitor) -> None:
        services = root.server.core.services
        object.__setattr__(services, "audit", OnePage(services.audit, left=0))
        answer = await root.client.get("/console/audit/export?format=csv")
        assert answer.status_code == 503
        assert "content-disposition" not in answer.headers


@dataclass
class OnePage:
    """A store that goes down after so many pages."""

    reader: AuditReader
    left: int = 1

    async def list_events(self, query: AuditQuery, page: PageRequest) -> Page[AuditRecord]:
        if not self.left:
            raise Unavailable
        self.left -= 1
        return await self.reader.list_events(query, page)


@dataclass
class Meddling:
    """Something happens while that page is read."""

    reader: AuditReader
    deed: Callable[[], Awaitable[None]]
    after: int
    read: int = 0

    async def list_events(self, query: AuditQuery, page: PageRequest) -> Page[AuditRecord]:
        self.read += 1
        if self.read == self.after:
            await self.deed()
        return await self.reader.list_events(query, page)
