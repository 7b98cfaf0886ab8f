"""A route is a line of policy: method, path, who may come, limits, body, answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from watchword.domain.errors import NotFound
from watchword.web.answers import Answer
from watchword.web.errors import MethodNotAllowed
from watchword.web.policies import Limit, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """``body`` is None where none is read; ``optional_body`` lets it be left out whole.
    ``sets_cookies`` marks sign-ins, which prove their origin even without a cookie. ``is_quiet``
    routes are so frequent that their successes are logged at debug. ``answers`` maps statuses to
    the shapes that the API reference shows; ``refusals`` are the codes beyond the usual ones.
    ``from_elsewhere``: a form that another site makes the browser post, so that a proof of its own
    stands in for the origin; the page reads it as it came (`Call.posted`).
    ``gives_way``: a parameter of its path is never a word of the table, so that ``GET /auth/login``
    names no provider.
    ``is_page``: people look at it, so its body is a form, and a refusal of it is a page.
    ``is_watching``: a page asks for it by itself, again and again, which keeps no session alive.
    """

    method: str
    path: str
    page: Callable[..., Awaitable[Answer]]
    who: Policy
    summary: str
    answers: Mapping[int, type[msgspec.Struct] | None]
    body: type[msgspec.Struct] | None = None
    optional_body: bool = False
    limits: frozenset[Limit] = frozenset()
    query: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    sets_cookies: bool = False
    from_elsewhere: bool = False
    gives_way: bool = False
    is_page: bool = False
    is_watching: bool = False
    is_quiet: bool = False
    tag: str = ""
    segments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(self.path.split("/")[1:]))

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(part[1:-1] for part in self.segments if part.startswith("{"))


@dataclass(frozen=True, slots=True)
class Found:
    route: Route
    parameters: Mapping[str, str]


_LONGEST_PARAMETER = 128
_NOTHING: Mapping[str, str] = {}


class RouteTable:
    """Exact paths by one look-up; paths with parameters by their segments, literal ones first.

    There is one spelling of each path: no trailing slash, no case, no dot segments (attack A06).
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self.for_programs = tuple(route for route in routes if not route.is_page)
        self.has_pages = len(self.for_programs) < len(self.routes)
        self._exact: dict[str, dict[str, Found]] = {}
        self._patterns: dict[int, list[dict[str, Route]]] = {}
        self._words = {
            part for route in routes for part in route.segments if not part.startswith("{")
        }
        for route in sorted(routes, key=lambda route: len(route.parameters)):
            self._add(route)

    def _add(self, route: Route) -> None:
        if not route.parameters:
            methods = self._exact.setdefault(route.path, {})
            _require_free(methods, route)
            methods[route.method] = Found(route, _NOTHING)
            return
        patterns = self._patterns.setdefault(len(route.segments), [])
        for methods_of in patterns:
            if next(iter(methods_of.values())).segments == route.segments:
                _require_free(methods_of, route)
                methods_of[route.method] = route
                return
        patterns.append({route.method: route})

    def find(self, method: str, path: str) -> Found:
        """HEAD is answered as GET. Raise `NotFound` or `MethodNotAllowed`."""
        wanted = "GET" if method == "HEAD" else method
        methods = self._exact.get(path)
        allowed: set[str] = set()
        if methods is not None:
            found = methods.get(wanted)
            if found is not None:
                return found
            allowed.update(methods)
        before, *segments = path.split("/")
        if before:
            raise NotFound("There is nothing at this address.")
        for candidates in self._patterns.get(len(segments), ()):
            any_route = next(iter(candidates.values()))
            parameters = _match(any_route.segments, segments)
            if parameters is None:
                continue
            if any_route.gives_way and not self._words.isdisjoint(parameters.values()):
                continue
            route = candidates.get(wanted)
            if route is not None:
                return Found(route, parameters)
            allowed.update(candidates)
        if allowed:
            raise MethodNotAllowed(", ".join(sorted(allowed)))
        raise NotFound("There is nothing at this address.")

    def methods(self, path: str) -> Sequence[str]:
        """The methods that ``path`` has; none for a path that is not there."""
        try:
            self.find("", path)
        except MethodNotAllowed as refusal:
            return refusal.allowed.split(", ")
        except NotFound:
            pass
        return ()


def _require_free(methods: Mapping[str, object], route: Route) -> None:
    if route.method in methods:
        raise ValueError(f"{route.method} {route.path} is in the route table twice")


def _match(pattern: Sequence[str], segments: Sequence[str]) -> Mapping[str, str] | None:
    parameters: dict[str, str] = {}
    for expected, given in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            if not 0 < len(given) <= _LONGEST_PARAMETER or not given.isprintable():
                return None
            parameters[expected[1:-1]] = given
        elif expected != given:
            return None
    return parameters
