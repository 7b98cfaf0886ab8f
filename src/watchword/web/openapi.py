"""The API reference as OpenAPI 3.1, worked out from the route table and the shapes alone."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Final

import msgspec

from watchword import __version__
from watchword.web.answers import encode
from watchword.web.cookies import CookieNames
from watchword.web.errors import DOCS, STATUSES, Problem, anchor_of
from watchword.web.examples import EXAMPLES
from watchword.web.inputs import (
    RefreshBody,
)
from watchword.web.reference import (
    ANSWER_HEADERS,
    LIMITS,
    MEANINGS,
    MEDIA_TYPES,
    QUERY,
    REQUEST_HEADERS,
    Json,
    audience_of,
    operation_id,
    refusals_of,
)
from watchword.web.routing import Route, RouteTable
from watchword.web.schemas import REFERENCE, name_of, schemas_of

_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_TEXT: Final[Json] = {"type": "string"}
_SERVICE: Final[Json] = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of `WATCHWORD_SERVICE_TOKENS`.",
}

_HEADERS: Final = {
    "Retry-After": "In how many seconds to try again.",
    "WWW-Authenticate": "`Bearer`, with `error` when a token was sent (RFC 6750).",
    "RateLimit-Limit": "How many requests are allowed in a period.",
    "RateLimit-Remaining": "How many of them are left.",
    "RateLimit-Reset": "In how many seconds the period ends.",
    "Set-Cookie": "The cookie of the session's transport; none for `body`.",
    "Location": "Where the browser goes on.",
    "X-Auth-User": "The user's id.",
    "X-Auth-Role": "The user's role.",
    "X-Auth-Session": "The session's id.",
    "X-Auth-Email": "The user's address; what is not ASCII is percent-encoded.",
}
_EXAMPLES_OF_CODES: Final = {"TOKEN_EXPIRED": "expired", "VALIDATION_FAILED": "invalid"}
_RATE_LIMIT: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")

_ABOUT: Final = f"""\
Keys are camelCase, times are RFC 3339 in UTC, ids are opaque. Lists page by `cursor`: hand back \
`nextCursor` until it is null. Every answer carries `X-Request-Id`.

Every refusal is `{_PROBLEM}` (RFC 9457) with a stable `code`; `x-codes` lists them here. Any \
address can say `MALFORMED`, `TOO_LARGE`, `METHOD_NOT_ALLOWED` and `INTERNAL`.

A request that changes state and carries a cookie, and a sign-in, must come from an origin of ours \
(`Sec-Fetch-Site`, `Origin`) or, from what is no browser, as `{_JSON}`.\
"""


@lru_cache(maxsize=4)
def document_of(table: RouteTable, public_url: str) -> bytes:
    """`describe`, once for each table and address."""
    return describe(table.for_programs, public_url)


def describe(routes: Sequence[Route], public_url: str) -> bytes:
    """An OpenAPI 3.1 document in JSON. ``public_url`` is the server, and names the cookies."""
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Watchword",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": public_url}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": _paths(routes),
        "components": {
            "schemas": schemas_of(routes),
            "responses": {"Refused": _problem("Any other refusal.", ())},
            "headers": {
                name: {"description": text, "schema": _TEXT} for name, text in _HEADERS.items()
            },
            "examples": {
                example.name: {"value": example.plain()}
                for examples in EXAMPLES.values()
                for example in examples
            },
            "securitySchemes": _security_schemes(CookieNames(public_url.startswith("https://"))),
        },
        "x-codes": {
            code: {"status": status, "type": f"{DOCS}{anchor_of(code)}", "meaning": MEANINGS[code]}
            for code, status in STATUSES.items()
        },
    }
    return encode(document)


def _security_schemes(names: CookieNames) -> Json:
    cookie = {"type": "apiKey", "in": "cookie"}
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token, of the transports `cookie` and `body`.",
        },
        "service": _SERVICE,
        "sessionCookie": {
            **cookie,
            "name": names.session,
            "description": "The transport `session`. A form post also needs the token of "
            "`GET /auth/csrf`, as `X-CSRF-Token` or as the field `csrfToken`.",
        },
        "refreshCookie": {
            **cookie,
            "name": names.refresh,
            "description": "The transport `cookie`; good for a refresh and for signing out.",
        },
    }


def _paths(routes: Iterable[Route]) -> Json:
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return paths


def _operation(route: Route) -> Json:
    operation: Json = {
        "tags": [route.tag],
        "summary": route.summary,
        "description": _description(route),
        "operationId": operation_id(route),
        "parameters": _parameters(route),
        "security": _security(route),
        "responses": _responses(route),
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": not route.optional_body,
            "content": {_JSON: _media(route.body)},
        }
    return operation


def _description(route: Route) -> str:
    limits = [LIMITS[limit] for limit in sorted(route.limits)]
    return " ".join(
        [f"Who may come: {audience_of(route)}", *(f"Limited: {text}." for text in limits)]
    )


def _parameters(route: Route) -> list[Json]:
    in_path: list[Json] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 128},
        }
        for name in route.parameters
    ]
    in_query: list[Json] = [
        {
            "name": name,
            "in": "query",
            "description": QUERY[name].meaning,
            "schema": QUERY[name].schema,
        }
        for name in route.query
    ]
    in_head: list[Json] = [
        {"name": name, "in": "header", "description": meaning, "schema": _TEXT}
        for name, meaning in REQUEST_HEADERS.get(route.path, {}).items()
    ]
    return in_path + in_query + in_head


def _security(route: Route) -> list[Json]:
    """Any one of these will do; an empty one stands for none at all."""
    signed_in: list[Json] = [{"bearer": []}, {"sessionCookie": []}]
    if route.who.is_service:
        return [{"service": []}]
    if not route.who.is_public:
        return signed_in
    if route.body is not RefreshBody:
        return []
    needs_refresh_token = "TOKEN_MISSING" in route.refusals
    return [{"refreshCookie": []}, *([] if needs_refresh_token else signed_in), {}]


def _responses(route: Route) -> Json:
    responses: Json = {str(status): _answer(route, status) for status in route.answers}
    for status, codes in refusals_of(route).items():
        refusal = _refusal(status, codes)
        answer = responses.get(str(status))
        if answer is None:
            responses[str(status)] = refusal
        else:
            answer["content"] = {**answer.get("content", {}), **refusal["content"]}
            answer["headers"] = {**answer.get("headers", {}), **refusal.get("headers", {})}
            answer["description"] += f". {refusal['description']}"
            answer["x-codes"] = refusal["x-codes"]
    return {**responses, "default": {"$ref": "#/components/responses/Refused"}}


def _answer(route: Route, status: int) -> Json:
    answer: Json = {"description": HTTPStatus(status).phrase}
    shape = route.answers[status]
    if shape is not None:
        answer["content"] = {_JSON: _media(shape)}
    elif route.path in MEDIA_TYPES:
        answer["content"] = {MEDIA_TYPES[route.path]: {}}
    names = list(ANSWER_HEADERS.get(route.path, ()))
    if route.sets_cookies or route.body is RefreshBody:
        names.append("Set-Cookie")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        names.append("Retry-After")
    return {**answer, **_headers(names)}


def _refusal(status: int, codes: Sequence[str]) -> Json:
    names = []
    if status == HTTPStatus.UNAUTHORIZED:
        names.append("WWW-Authenticate")
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        names.append("Retry-After")
    if "RATE_LIMITED" in codes:
        names.extend(_RATE_LIMIT)
    text = "\n".join(f"- `{code}`: {MEANINGS[code]}" for code in codes)
    examples = [name for code, name in _EXAMPLES_OF_CODES.items() if code in codes]
    return {**_problem(text, examples), **_headers(names), "x-codes": list(codes)}


def _problem(text: str, examples: Sequence[str]) -> Json:
    media = {"schema": _reference(Problem), **_examples(examples)}
    return {"description": text, "content": {_PROBLEM: media}}


def _headers(names: Sequence[str]) -> Json:
    if not names:
        return {}
    return {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names}}


def _media(shape: type[msgspec.Struct]) -> Json:
    examples = [example.name for example in EXAMPLES.get(shape, ())]
    return {"schema": _reference(shape), **_examples(examples)}


def _examples(names: Sequence[str]) -> Json:
    if not names:
        return {}
    return {"examples": {name: {"$ref": f"#/components/examples/{name}"} for name in names}}


def _reference(shape: type[msgspec.Struct]) -> Mapping[str, str]:
    return {"$ref": f"{REFERENCE}{name_of(shape)}"}
