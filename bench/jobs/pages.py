"""What a visitor waits for: the page to sign in on; and an operator: a month at a glance."""

import re
from collections.abc import Mapping
from statistics import median
from typing import Final
from urllib.parse import urljoin

from bench.caller import Caller
from bench.client import PASSWORD
from bench.figures import BenchFailed, Figure, Samples, Target
from bench.ground import READER, Ground
from bench.jobs.job import milliseconds
from bench.load import Load

_PAGE: Final = "/sign-in"
_FILE: Final = re.compile(r'<(?:link|script|img)\s[^>]*?(?:href|src)="([^"]+)"')
_HTML: Final[Mapping[str, str]] = {"Accept": "text/html"}
_CONNECTIONS: Final = 8
_REQUESTS: Final = 100
_EVENTS: Final = 1_000_000
_PIECE: Final = 100_000
_MONTH_MS: Final = 30 * 24 * 60 * 60 * 1_000
_LOOKS: Final = 10
# Of each twenty events: what the overview counts, and more of what it does not.
_TYPES: Final = (
    *["session.signed_in"] * 11,
    *["session.sign_in_failed"] * 4,
    *["session.ended"] * 3,
    "account.locked",
    "session.token_reused",
)


class SignInPage:
    """The page, and with it all that a browser asks for which has seen none of it before."""

    figures = (
        Figure(
            name="p50",
            title="GET /sign-in, one at a time, p50",
            unit="ms",
            target=Target("≤", 15),
            digits=1,
        ),
        Figure(
            name="loads",
            title="loads by one core, with the files of the page",
            unit="/s",
            target=Target("≥", 100),
        ),
        Figure(name="files", title="files of the page", unit=""),
        Figure(name="page_cpu", title="server CPU, the page alone", unit="µs"),
        Figure(name="load_cpu", title="server CPU, with its files", unit="µs"),
    )

    def __init__(self, ground: Ground) -> None:
        self.title = f"Sign-in page{ground.store.title}"
        self._ground = ground
        self._watchword = ground.watchword()
        with Caller(self._watchword.service.port, _HTML) as caller:
            page = caller.ask("GET", _PAGE).body.decode("utf-8")
        self._files = [urljoin(_PAGE, file) for file in _FILE.findall(page)]
        if not any(".css" in file for file in self._files):
            raise BenchFailed("The sign-in page has no style.")

    def measure(self) -> Samples:
        with Caller(self._watchword.service.port, _HTML) as caller:
            taken = [caller.ask("GET", _PAGE).seconds for _ in range(_REQUESTS)]
        spent = [self._cpu_us(path) for path in (_PAGE, *self._files)]
        return {
            "p50": median(taken) * 1_000,
            "loads": 1e6 / sum(spent),
            "files": len(self._files),
            "page_cpu": spent[0],
            "load_cpu": sum(spent),
        }

    def _cpu_us(self, path: str) -> float:
        service = self._watchword.service

        def load(seconds: float) -> Load:
            return Load(
                port=service.port,
                path=path,
                connections=_CONNECTIONS,
                seconds=seconds,
                headers=_HTML if path == _PAGE else {"Accept": "*/*"},
            )

        return self._ground.measure(service, load).cpu_us


class ConsoleOverview:
    """On a server of its own, in whose audit log a month of events stands."""

    def __init__(self, ground: Ground, *, events: int = _EVENTS) -> None:
        self.title = f"Console{ground.store.title}: overview over {events:,} audit events"
        self.figures = (
            Figure(
                name="month",
                title="GET /console, of a month, p50",
                unit="ms",
                target=Target("≤", 300),
                digits=1,
            ),
            milliseconds("day", "the same of a day, p50"),
        )
        self._watchword = ground.serve(ground.new_home())
        self._watchword.bring_to_life(1)
        self._fill(ground, events)
        self._cookie = self._sign_in()

    def measure(self) -> Samples:
        return {over: self._look(over) for over in ("month", "day")}

    def _look(self, over: str) -> float:
        taken = []
        headers = {**_HTML, "Cookie": self._cookie}
        with Caller(self._watchword.service.port, headers) as caller:
            for _ in range(_LOOKS):
                reply = caller.ask("GET", f"/console?over={over}")
                if reply.body.count(b"<svg") < len({"sign-ins", "failures"}):
                    raise BenchFailed("The overview shows no plots.")
                taken.append(reply.seconds)
        return median(taken) * 1_000

    def _sign_in(self) -> str:
        content = {"email": READER, "password": PASSWORD, "transport": "session"}
        with Caller(self._watchword.service.port) as caller:
            reply = caller.ask("POST", "/auth/login", content=content)
        return "; ".join(
            text.partition(";")[0] for name, text in reply.headers if name == "set-cookie"
        )

    def _fill(self, ground: Ground, events: int) -> None:
        """Copies of the event that is there, spread evenly over the month before it."""
        home = self._watchword.home
        home.run(f"UPDATE users SET role = 'admin' WHERE email = '{READER}'")
        names = [name for name in home.columns("audit_events") if name != "seq"]
        types = " ".join(f"WHEN {n} THEN '{type_}'" for n, type_ in enumerate(_TYPES))
        values = {
            "at": f"t.at - CAST({events} - n AS BIGINT) * {_MONTH_MS} / {events}",
            "type": f"CASE n % {len(_TYPES)} {types} END",
        }
        ((pattern,),) = home.run("SELECT MIN(seq) FROM audit_events")
        for first in range(0, events, _PIECE):
            ground.tell(f"audit_events, {first:,} of {events:,}")
            home.run(
                f"INSERT INTO audit_events ({', '.join(names)})"
                f" WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL"
                f" SELECT n + 1 FROM numbers WHERE n < {min(first + _PIECE, events) - 1})"
                f" SELECT {', '.join(values.get(name, f't.{name}') for name in names)}"
                f" FROM audit_events t CROSS JOIN numbers WHERE t.seq = {pattern}"
            )
        home.settle()
