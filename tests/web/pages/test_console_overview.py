"""The overview: what happened how often, drawn without a script and told in a table."""

import re
from xml.etree import ElementTree as ET

import httpx2
import pytest

from tests.driving import Server
from tests.web.pages.operator import BOB, ROOT, an_operator, signed_in
from tests.web.visitor import Visitor
from watchword.domain.time import DAY, HOUR, MINUTE

RANGES = {"hour": (12, 5 * MINUTE), "day": (24, HOUR), "month": (30, DAY)}


@pytest.fixture
async def root(server: Server) -> Visitor:
    await server.register(BOB)
    return await an_operator(server)


def bars(visitor: Visitor) -> list[list[int]]:
    """The heights of each plot, as browsers read them."""
    pictures = re.findall(r"<svg.*?</svg>", visitor.page.answer.text, re.DOTALL)
    return [[int(bar.attrib["height"]) for bar in ET.fromstring(one)] for one in pictures]


def tables(visitor: Visitor) -> list[list[int]]:
    """The counts of each plot, as a screen reader reads them."""
    found = re.findall(r"<tbody>(.*?)</tbody>", visitor.page.answer.text, re.DOTALL)
    return [[int(cell) for cell in re.findall(r"<td>(\d+)</td>", one)] for one in found]


async def fail(server: Server, times: int) -> None:
    for _ in range(times):
        answer = await server.client(f"192.0.2.{times}").post(
            "/auth/login", json={"email": BOB, "password": "not it at all"}
        )
        assert answer.status_code == 401


class TestAPlot:
    @pytest.mark.parametrize("over", RANGES)
    async def test_shows_what_its_table_tells(self, root: Visitor, over: str) -> None:
        steps, step = RANGES[over]
        await fail(root.server, 3)
        root.server.clock.advance(step)
        await fail(root.server, 1)
        root = await signed_in(root.server, ROOT)
        await root.look(f"/console?over={over}")
        came, failed, locked, replayed = tables(root)
        assert failed == [0] * (steps - 2) + [3, 1]
        assert came[-2:] == [1, 1]
        assert locked == replayed == [0] * steps
        assert bars(root)[1] == [0] * (steps - 2) + [100, 34]
        assert bars(root)[2] == [0] * steps

    async def test_leaves_out_what_was_before(self, root: Visitor) -> None:
        await fail(root.server, 2)
        root.server.clock.advance(2 * HOUR)
        await root.look("/console?over=hour")
        assert sum(tables(root)[1]) == 0
        await root.look("/console?over=day")
        assert sum(tables(root)[1]) == 2

    async def test_counts_a_lock_and_a_replay(self, root: Visitor) -> None:
        thief = await root.server.sign_in(BOB)
        first = thief.refresh_token
        for _ in range(2):
            await thief.refresh()
        root.server.clock.advance(MINUTE)
        assert (await thief.refresh(first)).json()["code"] == "TOKEN_REUSED"
        for ip in range(5):
            await root.server.client(f"203.0.113.{ip}").post(
                "/auth/login", json={"email": BOB, "password": "not it at all"}
            )
        await root.look("/console")
        _, _, locked, replayed = tables(root)
        assert (sum(locked), sum(replayed)) == (1, 1)

    async def test_is_told_in_words_beside_the_picture(self, root: Visitor) -> None:
        await fail(root.server, 3)
        text = (await root.look("/console")).answer.text
        assert 'aria-label="3 in all, at most 3 at once"' in text
        assert text.count('role="img"') == text.count("<summary>As a table</summary>") == 4


class TestTheOverview:
    async def test_tells_how_many_sessions_there_are_now(self, root: Visitor) -> None:
        for _ in range(3):
            await root.server.sign_in(BOB)
        text = (await root.look("/console")).answer.text
        assert re.search(r"<dt>Live sessions</dt><dd[^>]*>4</dd>", text)
        assert re.search(r"<dt>Passwords that wait to be checked</dt><dd[^>]*>0</dd>", text)

    async def test_s04_holds_neither_script_nor_style_nor_another_host(self, root: Visitor) -> None:
        page = await root.look("/console")
        assert not re.search(r"<style| style=| on\w+=", page.answer.text)
        (script,) = re.findall(r"<script.*?</script>", page.answer.text, re.DOTALL)
        assert re.fullmatch(
            r'<script type="module" src="/assets/overview\.js\?v=\w+"></script>', script
        )
        assert not [link for link in page.links if not link.startswith(("/", "#"))]
        assert "default-src 'none'" in page.answer.headers["content-security-policy"]

    @pytest.mark.parametrize("query", ["over=year", "over=", "over=day&over=hour", "until=1"])
    async def test_i06_says_no_to_what_it_does_not_know(self, root: Visitor, query: str) -> None:
        assert (await root.look(f"/console?{query}")).status == 422


async def ask(visitor: Visitor, **asked: str | int) -> httpx2.Response:
    """As the page's script does."""
    return await visitor.client.get("/console/figures", params=asked)


async def newest_on(visitor: Visitor, over: str) -> int:
    page = await visitor.look(f"/console?over={over}")
    (number,) = re.findall(r'data-newest="(\d+)"', page.answer.text)
    return int(number)


class TestTheFiguresOfThisMoment:
    async def test_are_what_has_become_of_the_newest_step(self, root: Visitor) -> None:
        newest = await newest_on(root, "day")
        await fail(root.server, 2)
        await root.server.sign_in(BOB)
        answer = await ask(root, over="day", since=newest)
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.json() == {
            "liveSessions": 2,
            "waitingPasswords": 0,
            "newest": newest,
            "counts": {
                "session.signed_in": [2],
                "session.sign_in_failed": [2],
                "account.locked": [0],
                "session.token_reused": [0],
            },
        }

    @pytest.mark.parametrize("over", RANGES)
    async def test_tell_of_every_step_since_then_as_far_as_the_plot_reaches(
        self, root: Visitor, over: str
    ) -> None:
        steps, step = RANGES[over]
        newest = await newest_on(root, over)
        await fail(root.server, 3)
        root.server.clock.advance(2 * step)
        await fail(root.server, 1)
        root = await signed_in(root.server, ROOT)
        told = (await ask(root, over=over, since=newest)).json()
        assert told["newest"] == newest + 2
        assert told["counts"]["session.sign_in_failed"] == [3, 0, 1]
        all_of_it = (await ask(root, over=over, since=0)).json()["counts"]
        assert all_of_it["session.sign_in_failed"] == [0] * (steps - 3) + [3, 0, 1]
        of_the_future = (await ask(root, over=over, since=10**11)).json()["counts"]
        assert of_the_future["session.sign_in_failed"] == [1]

    @pytest.mark.parametrize(
        ("address", "status"),
        [("/console/figures?over=day&since=1", 303), ("/console?over=day", 200)],
    )
    async def test_keep_no_session_alive_as_looking_at_the_page_does(
        self, root: Visitor, address: str, status: int
    ) -> None:
        statuses = []
        for _ in range(15):
            statuses.append((await root.client.get(address)).status_code)
            root.server.clock.advance(DAY)
        assert statuses[:14] == [200] * 14
        assert statuses[14] == status

    @pytest.mark.parametrize(
        "asked",
        [
            {"over": "year", "since": 1},
            {"since": 1},
            {"over": "day"},
            {"over": "day", "since": "-1"},
            {"over": "day", "since": "1e3"},
            {"over": "day", "since": "9" * 13},
            {"over": "day", "since": "1", "until": "2"},
        ],
    )
    async def test_i06_are_for_nothing_that_no_page_asks(
        self, root: Visitor, asked: dict[str, str | int]
    ) -> None:
        assert (await ask(root, **asked)).status_code == 422
