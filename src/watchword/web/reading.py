"""What a request brings in its body: JSON from programs, forms from people.

Invariant: a form is read only from a page, or from who holds a session cookie, with the token that
proves that it was given out to them (attacks S05, S07), be it the form that signs out.
"""

from collections.abc import Mapping, Sequence

import msgspec

from watchword.crypto.jws import InvalidToken
from watchword.domain.errors import CsrfFailed, Malformed
from watchword.web import bodies
from watchword.web.call import Call
from watchword.web.cookies import CookieNames
from watchword.web.errors import TooLarge, UnsupportedMediaType
from watchword.web.headers import Headers
from watchword.web.routing import Route
from watchword.web.services import Services
from watchword.web.streaming import Receive


class BodyReader:
    def __init__(self, services: Services, names: CookieNames) -> None:
        self._services = services
        self._session = names.session

    def check(self, route: Route, headers: Headers, cookies: Mapping[bytes, str]) -> bytes:
        """What can be told from the headers alone: the size, and the type if one is read."""
        size = bodies.announced_size(headers.one(b"content-length"))
        if size is not None and size > self._services.policy.body_limit:
            raise TooLarge
        if route.body is None:
            return b""
        kind = headers.one(b"content-type")
        has_none = size == 0 or (size is None and headers.one(b"transfer-encoding") is None)
        if kind is None and has_none:
            return b""
        media_type = bodies.media_type(kind, headers.one(b"content-encoding"))
        is_form = media_type == bodies.FORM_TYPE and not has_none
        if is_form and not route.is_page and self._session.encode() not in cookies:
            raise UnsupportedMediaType
        return media_type

    async def read(
        self, call: Call, route: Route, receive: Receive, media_type: bytes
    ) -> msgspec.Struct:
        policy = self._services.policy
        raw = await bodies.read_body(receive, limit=policy.body_limit, seconds=policy.seconds)
        assert route.body is not None
        is_form = media_type == bodies.FORM_TYPE or (route.is_page and not raw)
        if is_form and (fields := self._form(call, route, raw)) is not None:
            return bodies.convert(fields, route.body)
        if not raw:
            if not route.optional_body:
                raise Malformed("The body must be a JSON object.")
            return bodies.convert({}, route.body)
        if media_type != bodies.JSON_TYPE or route.is_page:
            raise UnsupportedMediaType
        return bodies.convert(bodies.parse_json(raw), route.body)

    async def read_posted(self, headers: Headers, receive: Receive) -> Sequence[tuple[str, str]]:
        kind = bodies.media_type(headers.one(b"content-type"), headers.one(b"content-encoding"))
        if kind != bodies.FORM_TYPE:
            raise UnsupportedMediaType
        policy = self._services.policy
        return bodies.read_pairs(
            await bodies.read_body(receive, limit=policy.body_limit, seconds=policy.seconds)
        )

    def _form(self, call: Call, route: Route, raw: bytes) -> Mapping[str, object] | None:
        """None for what is not read as one."""
        cookie = call.cookie(self._session)
        if cookie is None and not route.is_page:
            return None
        fields = bodies.parse_form(raw)
        header = call.headers.one(b"x-csrf-token")
        given = fields.pop("csrfToken", None) if header is None else header.decode("latin-1")
        if not (route.is_page and call.caller is None):  # a page for strangers proves its origin
            self._require_given_out(call, str(given), cookie or "")
        return fields

    def _require_given_out(self, call: Call, csrf_token: str, cookie: str) -> None:
        services = self._services
        try:
            bound_to = services.csrf_tokens.read(csrf_token)
            held = services.grants.cookies.read(cookie).session_id
        except InvalidToken:
            raise CsrfFailed from None
        if bound_to != (held if call.caller is None else call.caller.session.id):
            raise CsrfFailed
