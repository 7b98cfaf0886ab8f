"""Somebody with a browser that runs no script: they look at pages, fill in forms and follow on."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import httpx2

from tests.driving import ORIGIN, PASSWORD, Server

ADA = "ada@example.com"
_VOID = {"input", "meta", "link", "img", "br"}


@dataclass
class Form:
    """``fields`` as they would be sent: hidden ones, what stands in the others, checked boxes."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """What is on a page, as far as people and browsers go by it."""

    def __init__(self, answer: httpx2.Response) -> None:
        super().__init__()
        self.answer = answer
        self.status = answer.status_code
        self.title = self.alert = self.text = ""
        self.language = ""
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.problems: dict[str, str] = {}
        self.focus: list[str] = []
        self.open: list[tuple[str, dict[str, str]]] = []
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self.open.append((tag, told))
        match tag:
            case "html":
                self.language = told["lang"]
            case "form":
                self.forms.append(Form(told.get("action", ""), told.get("method", "get")))
            case "input":
                self._field(told)
            case "select" | "button" if "name" in told:  # whoever sends the form chooses
                self.forms[-1].names.append(told["name"])
            case "a" | "link" | "script" | "img":
                self.links += [told[name] for name in ("href", "src") if name in told]
        if "autofocus" in told:
            self.focus.append(told["id"])

    def _field(self, told: dict[str, str]) -> None:
        form = self.forms[-1]
        form.names.append(told["name"])
        is_sent = told.get("type") != "checkbox" or "checked" in told
        if is_sent and "disabled" not in told:
            form.fields[told["name"]] = told.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.text += data
        for tag, told in self.open:
            if tag == "title":
                self.title += data
            if told.get("id") == "alert":
                self.alert += data
            if told.get("id", "").endswith("-problem") and "problem" in told.get("class", ""):
                name = told["id"].removesuffix("-problem")
                self.problems[name] = self.problems.get(name, "") + data

    def form(self, action: str) -> Form:
        (found,) = [form for form in self.forms if form.action == action]
        return found


class Visitor:
    """``page`` is what they look at."""

    def __init__(self, server: Server, **headers: str) -> None:
        self.server = server
        self.client = server.client("198.51.100.7", Accept="text/html,*/*;q=0.8", **headers)
        self.page: Page

    async def look(self, path: str) -> Page:
        """Go there, and wherever that leads."""
        answer = await self.client.get(path)
        for _ in range(5):
            if answer.status_code not in {302, 303}:
                break
            answer = await self.client.get(answer.headers["location"])
        self.page = Page(answer)
        return self.page

    async def send(self, form: Form, **filled: str) -> Page:
        """Fill it in and send it; go on where it leads."""
        unknown = filled.keys() - set(form.names)
        assert not unknown, f"no field of the form: {unknown}"
        answer = await self.client.post(
            form.action,
            data={**form.fields, **filled},
            headers={"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN},
        )
        if answer.status_code == 303:
            return await self.look(answer.headers["location"])
        self.page = Page(answer)
        return self.page

    @property
    def place(self) -> str:
        return self.page.answer.url.path

    def asked(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(str(self.page.answer.url)).query))

    async def sign_in(self, email: str = ADA, password: str = PASSWORD) -> Page:
        page = await self.look("/sign-in")
        return await self.send(page.form("/sign-in"), email=email, password=password)
