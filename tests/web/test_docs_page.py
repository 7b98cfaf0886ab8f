import json
import re
import shlex
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import msgspec
import pytest

from tests.driving import ORIGIN, Server
from watchword.web.app import ROUTES
from watchword.web.docs_page import page_of, render
from watchword.web.docs_style import DOCS_POLICY, STYLE
from watchword.web.errors import STATUSES, anchor_of
from watchword.web.examples import EXAMPLES
from watchword.web.reference import operation_id
from watchword.web.routing import Route, RouteTable

URL = "https://auth.example.com"
MOST_BYTES_A_CALL = 1_850
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3
VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})

Attributes = list[tuple[str, str | None]]


class Outline(HTMLParser):
    """What a page is made of: tags, ids, links, headings and the text of each `pre`."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.pre: list[str] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        values = dict(attrs)
        self.ids.extend(value for name, value in attrs if name == "id" and value)
        self.links.extend([values["href"] or ""] if "href" in values else [])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "pre":
            self.pre.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.open[-1] == "pre":
            self.pre[-1] += data


PAGE = render(ROUTES, URL)
OUTLINE = Outline(PAGE)


class TestThePage:
    def test_is_small(self) -> None:
        assert len(PAGE) <= MOST_BYTES_A_CALL * len(ROUTES)

    def test_closes_what_it_opens(self) -> None:
        assert OUTLINE.open == []

    def test_runs_and_loads_nothing(self) -> None:
        assert OUTLINE.tags.isdisjoint(
            {"script", "link", "img", "iframe", "form", "base", "object"}
        )
        assert not {name for name in OUTLINE.attributes if name.startswith("on")}
        assert OUTLINE.attributes.isdisjoint({"style", "src"})
        assert "url(" not in STYLE
        assert "@import" not in STYLE

    def test_has_no_id_twice(self) -> None:
        assert len(OUTLINE.ids) == len(set(OUTLINE.ids))

    def test_links_only_to_itself_and_to_the_document(self) -> None:
        inside = {link.removeprefix("#") for link in OUTLINE.links if link.startswith("#")}
        assert inside <= set(OUTLINE.ids)
        assert {link for link in OUTLINE.links if not link.startswith("#")} == {"/openapi.json"}

    def test_has_headings_in_order(self) -> None:
        levels = OUTLINE.headings
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))

    @pytest.mark.parametrize("route", ROUTES)
    def test_shows_every_call_and_lists_it(self, route: Route) -> None:
        assert operation_id(route) in OUTLINE.ids
        assert f"#{operation_id(route)}" in OUTLINE.links
        assert f"{route.method} {route.path}" in OUTLINE.text
        assert route.summary in OUTLINE.text

    @pytest.mark.parametrize("code", STATUSES)
    def test_explains_every_code_at_its_anchor(self, code: str) -> None:
        assert anchor_of(code) in OUTLINE.ids

    def test_is_made_once_for_a_table(self) -> None:
        table = RouteTable(ROUTES)
        assert page_of(table, URL) is page_of(table, URL)
        assert page_of(table, URL) == PAGE

    def test_escapes_what_comes_from_elsewhere(self) -> None:
        hostile = "</style><script>alert(1)</script>\"'&"
        route = replace(ROUTES[0], path=f"/{hostile}", tag=hostile, summary=hostile)
        outline = Outline(render([route], f"https://{hostile}"))
        assert "script" not in outline.tags
        assert outline.open == []
        assert hostile in outline.text


class TestTheAnswer:
    async def test_is_a_page_with_its_own_policy(self, server: Server) -> None:
        answer = await server.client().get("/docs")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers.get_list("content-security-policy") == [DOCS_POLICY[1].decode()]
        assert answer.content == render(ROUTES, ORIGIN)

    async def test_is_what_the_type_of_a_problem_leads_to(self, server: Server) -> None:
        client = server.client()
        problem = (await client.get("/profile")).json()
        address, _, anchor = problem["type"].partition("#")
        assert anchor == "token-missing"
        assert anchor in Outline((await client.get(address)).content).ids


class TestTheCommand:
    @pytest.mark.parametrize("route", ROUTES)
    def test_of_a_call_says_what_it_needs(self, route: Route) -> None:
        words = shlex.split(Outline(render([route], URL)).pre[-1])
        implied = "POST" if "-d" in words else "GET"
        assert words[0] == "curl"
        assert (words[words.index("-X") + 1] if "-X" in words else implied) == route.method
        assert ("Authorization: Bearer $TOKEN" in words) == (not route.who.is_public)
        if route.body in EXAMPLES:
            assert msgspec.convert(json.loads(words[words.index("-d") + 1]), route.body)


class TestThePolicy:
    def test_allows_the_style_sheet_by_its_hash_and_nothing_else(self) -> None:
        style = re.search("<style>(.*?)</style>", PAGE.decode(), re.DOTALL)
        assert style is not None
        digest = b64encode(sha256(style[1].encode()).digest()).decode()
        name, value = DOCS_POLICY
        directives = dict(part.strip().split(" ", 1) for part in value.decode().split(";"))
        assert name == b"content-security-policy"
        assert directives == {
            "default-src": "'none'",
            "style-src": f"'sha256-{digest}'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def palettes() -> list[dict[str, str]]:
    blocks = re.findall(r":root\{([^}]*)\}", STYLE)
    return [dict(re.findall(r"--([a-z]+):#([0-9a-f]{3,6})", block)) for block in blocks]


class TestTheColours:
    def test_are_chosen_for_light_and_for_dark(self) -> None:
        light, dark = palettes()
        assert light.keys() == dark.keys()
        assert luminance(light["page"]) > 0.9
        assert luminance(dark["page"]) < 0.05

    @pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
    @pytest.mark.parametrize("ground", ["page", "wash"])
    @pytest.mark.parametrize("ink", ["ink", "soft", "link", "get", "post", "put", "delete"])
    def test_can_be_read(self, palette: dict[str, str], ground: str, ink: str) -> None:
        brighter, darker = sorted((luminance(palette[ground]), luminance(palette[ink])))[::-1]
        assert (brighter + 0.05) / (darker + 0.05) >= LEAST_CONTRAST
