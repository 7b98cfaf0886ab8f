"""The ASGI application: every request passes here, in one order, and leaves as one answer.

Order of checks: routing, CSRF, size and type of the body, authentication, limits, body,
authorization on the object. Invariant: nothing that a client sends leaves here as a 500.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from watchword.domain.devices import printable
from watchword.domain.errors import (
    FederationFailed,
    Malformed,
    NotFound,
    ProviderUnavailable,
    Refusal,
    Unavailable,
)
from watchword.domain.time import Instant
from watchword.web import bodies
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.client_address import ClientAddress
from watchword.web.cookies import CookieNames, read_cookies
from watchword.web.cors import Cors
from watchword.web.csrf import SAFE_METHODS, CsrfGuard
from watchword.web.envelope import Envelope
from watchword.web.errors import (
    InternalError,
    MethodNotAllowed,
    problem,
)
from watchword.web.headers import Headers, is_host
from watchword.web.identity import Identity, require_service
from watchword.web.limiting import Limiter
from watchword.web.pages.refusals import is_looked_at, page_to_come_back_to, refused
from watchword.web.reading import BodyReader
from watchword.web.request_ids import RequestIds
from watchword.web.routing import Found, Route, RouteTable
from watchword.web.services import Services
from watchword.web.streaming import Receive, Scope, Send, Stream, pour

UNKNOWN = "unknown"


class Incoming(NamedTuple):
    """A request before it is known what it wants."""

    scope: Scope
    headers: Headers
    receive: Receive
    request_id: str
    arrived: Instant


class Edge:
    """Routes of ``table`` served by ``services``."""

    def __init__(self, table: RouteTable, services: Services, *, request_ids: RequestIds) -> None:
        policy = services.policy
        self._table = table
        self._services = services
        self._ids = request_ids
        self._names = CookieNames(policy.is_https)
        self._owned = self._names.owned
        self._identity = Identity(services.access, self._names)
        self._bodies = BodyReader(services, self._names)
        self._addresses = ClientAddress(policy.trusted_proxies)
        origins = [policy.public_url, *policy.cors_origins]
        self._csrf = CsrfGuard(frozenset(origin.encode() for origin in origins))
        self._cors = Cors(policy.cors_origins)
        self._envelope = Envelope(policy)
        self._limiter = Limiter(
            services.limits,
            services.clock,
            services.meter,
            policy.limit_auth,
            policy.limit_sign_in,
            policy.limit_mail_client,
            services.gather,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request; whatever happens, it gets an answer, a log line and a count."""
        started = self._services.seconds()
        headers = Headers(scope["headers"])
        request_id = self._ids.choose(headers.all(b"x-request-id"))
        incoming = Incoming(scope, headers, receive, request_id, self._services.clock.now())
        found = None
        try:
            found = self._table.find(scope["method"], _path(scope))
            answer = await self._answer(found, incoming)
        except bodies.Disconnected:
            return
        except Refusal as refusal:
            answer = self._refused(refusal, incoming, found)
        except Exception as error:  # noqa: BLE001  whatever it is, it is logged and answered
            self._log_failure(error, incoming)
            answer = self._say(InternalError(), incoming, found)
        self._cors.mark(answer, headers)
        is_head = scope["method"] == "HEAD"
        await self._envelope.send(answer, send, request_id, is_head=is_head)
        self._note(found, answer, incoming, self._services.seconds() - started)
        if isinstance(answer, Stream):
            is_read = found is not None and found.route.body is not None
            await self._pour(answer, incoming, send, is_head=is_head, is_read=is_read)

    async def _pour(
        self, stream: Stream, incoming: Incoming, send: Send, *, is_head: bool, is_read: bool
    ) -> None:
        try:
            await pour(stream, incoming.receive, send, is_head=is_head, is_read=is_read)
        except Exception as error:  # noqa: BLE001  what has begun cannot be refused any more
            self._services.log.error(  # noqa: TRY400  the reason is enough
                "stream_failed", request_id=incoming.request_id, reason=str(error)
            )

    async def _answer(self, found: Found, incoming: Incoming) -> Answer:
        route, scope, headers = found.route, incoming.scope, incoming.headers
        self._require_host(headers.one(b"host"), scope)
        cookies = read_cookies(headers.all(b"cookie"), self._owned)
        if _has_to_prove_origin(route, scope["method"], cookies):
            self._csrf.require_own(
                headers.one(b"sec-fetch-site"),
                headers.one(b"origin"),
                headers.one(b"content-type"),
            )
        media_type = self._bodies.check(route, headers, cookies)
        call = Call(
            services=self._services,
            scope=scope,
            headers=headers,
            request_id=incoming.request_id,
            arrived=incoming.arrived,
            ip=self._client(scope, headers),
            cookies=cookies,
            identity=self._identity,
            limiter=self._limiter,
            table=self._table,
            parameters=found.parameters,
        )
        await self._admit(call, route)
        if route.limits:
            await self._limiter.admit(route.limits, call.ip)
        if route.from_elsewhere:
            call.posted = await self._bodies.read_posted(headers, incoming.receive)
        if route.body is None:
            await self._authorize_object(call, route)
            return await route.page(call)
        body = await self._bodies.read(call, route, incoming.receive, media_type)
        if call.caller is not None:  # a body may be slow, and its sender signed out meanwhile
            await self._authenticate(call, route)
        await self._authorize_object(call, route)
        return await route.page(call, body)

    @staticmethod
    def _require_host(host: bytes | None, scope: Scope) -> None:
        """RFC 9112 section 3.2 (attack X03). Nothing here is decided by it."""
        if host is None:
            if scope.get("http_version") == "1.1":
                raise Malformed("The Host header is missing.")
        elif not is_host(host):
            raise Malformed("The Host header names no host.")

    def _client(self, scope: Scope, headers: Headers) -> str:
        peer = scope.get("client")
        return self._addresses.of(peer[0] if peer else "", headers.all(b"x-forwarded-for"))

    async def _admit(self, call: Call, route: Route) -> None:
        if route.who.is_public:
            call.headers.one(b"authorization")  # sent twice it is refused, whoever reads it
        elif route.who.is_service:
            require_service(call.headers, self._services.policy.service_tokens)
        else:
            await self._authenticate(call, route)

    async def _authenticate(self, call: Call, route: Route) -> None:
        call.caller = await self._identity.resolve(
            call.headers, call.cookies, is_use=not route.is_watching
        )
        if not route.who.owner and route.who.permission is not None:
            call.caller.require(route.who.permission)

    async def _authorize_object(self, call: Call, route: Route) -> None:
        if call.caller is None:
            return
        services = self._services
        route.who.require(
            call.caller,
            call.parameters.get("id"),
            now=services.clock.now(),
            step_up_ttl=services.sessions_policy.step_up_ttl,
        )

    def _refused(self, refusal: Refusal, incoming: Incoming, found: Found | None) -> Answer:
        scope = incoming.scope
        if isinstance(refusal, MethodNotAllowed | NotFound) and scope["method"] == "OPTIONS":
            methods = self._table.methods(_path(scope))
            preflight = self._cors.preflight(incoming.headers, methods)
            if preflight is not None:
                return preflight
        if isinstance(refusal, Unavailable):
            self._services.log.error(
                "unavailable", request_id=incoming.request_id, reason=str(refusal)
            )
        if isinstance(refusal, FederationFailed | ProviderUnavailable):
            self._services.log.warning(
                "federation_failed", request_id=incoming.request_id, reason=refusal.reason
            )
        return self._say(refusal, incoming, found)

    def _say(self, refusal: Refusal, incoming: Incoming, found: Found | None) -> Answer:
        """To people by a page, to programs as a problem."""
        if not self._is_for_people(incoming, found):
            return problem(refusal, incoming.request_id)
        scope = incoming.scope
        try:
            return refused(
                refusal,
                scope,
                incoming.headers,
                screens=self._services.screens,
                back_to=page_to_come_back_to(scope, _path(scope), self._table),
            )
        except Exception as error:  # noqa: BLE001  what keeps other pages back keeps this one back
            self._log_failure(error, incoming)
            return problem(refusal, incoming.request_id)

    def _log_failure(self, error: Exception, incoming: Incoming) -> None:
        self._services.log.error("request_failed", request_id=incoming.request_id, exc_info=error)

    def _is_for_people(self, incoming: Incoming, found: Found | None) -> bool:
        """A page, or where pages are on an address that people come to by themselves: of another
        provider, or of nothing.
        """
        if found is not None and found.route.is_page:
            return True
        is_open = found is None or found.route.gives_way
        return is_open and self._table.has_pages and is_looked_at(incoming.headers)

    def _note(self, found: Found | None, answer: Answer, incoming: Incoming, took: float) -> None:
        """Frequent reads that go well are counted, and not written down one by one."""
        services, scope = self._services, incoming.scope
        name = UNKNOWN if found is None else found.route.path
        services.meter.request_done(name, answer.status, took)
        if found is not None and found.route.is_quiet and answer.status < HTTPStatus.BAD_REQUEST:
            return
        services.log.info(
            "request",
            request_id=incoming.request_id,
            method=printable(scope["method"], 16),
            path=name if found is not None else printable(_path(scope), 128),
            status=answer.status,
            ms=round(took * 1_000, 1),
        )


def _has_to_prove_origin(route: Route, method: str, cookies: Mapping[bytes, str]) -> bool:
    if method in SAFE_METHODS or route.from_elsewhere:
        return False
    return bool(cookies) or route.sets_cookies or route.is_page


def _path(scope: Scope) -> str:
    """The path below where this application is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root) else path
