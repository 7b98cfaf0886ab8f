"""The overview: what happened how often, drawn without a script and told in a table."""

import re
from xml.etree import ElementTree as ET

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
        assert "<dt>Live sessions</dt><dd>4</dd>" in text
        assert "<dt>Passwords that wait to be checked</dt><dd>0</dd>" in text

    async def test_s04_has_neither_script_nor_style_nor_another_host(self, root: Visitor) -> None:
        page = await root.look("/console")
        assert not re.search(r"<script|<style| style=| on\w+=", page.answer.text)
        assert not [link for link in page.links if not link.startswith(("/", "#"))]
        assert "default-src 'none'" in page.answer.headers["content-security-policy"]

    @pytest.mark.parametrize("query", ["over=year", "over=", "over=day&over=hour", "until=1"])
    async def test_i06_says_no_to_what_it_does_not_know(self, root: Visitor, query: str) -> None:
        assert (await root.look(f"/console?{query}")).status == 422
