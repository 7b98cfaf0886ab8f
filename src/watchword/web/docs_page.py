"""The API reference as one page of HTML: readable on a phone, in the dark, and without a script.

Invariant: what comes from the route table, the shapes or the settings passes `escape` on its way
into the page.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Final

import msgspec

from watchword import __version__
from watchword.domain.errors import TokenExpired
from watchword.web.answers import encode
from watchword.web.cookies import CookieNames
from watchword.web.docs_markup import Schemas, fields, marked, signature, table, type_of
from watchword.web.docs_style import STYLE
from watchword.web.errors import STATUSES, TITLES, anchor_of
from watchword.web.examples import EXAMPLES, problem_of
from watchword.web.reference import (
    ANSWER_HEADERS,
    LIMITS,
    MEANINGS,
    MEDIA_TYPES,
    QUERY,
    audience_of,
    operation_id,
    refusals_of,
)
from watchword.web.routing import Route, RouteTable
from watchword.web.schemas import name_of, schemas_of

_PROBLEMS: Final = "Problems"
_SHAPES: Final = "Shapes"


@lru_cache(maxsize=4)
def page_of(table: RouteTable, public_url: str) -> bytes:
    """`render`, once for each table and address."""
    return render(table.for_programs, public_url)


def render(routes: Sequence[Route], public_url: str) -> bytes:
    """The page, in UTF-8. It may only be sent with `docs_style.DOCS_POLICY`."""
    schemas = schemas_of(routes)
    by_tag: dict[str, list[Route]] = {}
    for route in routes:
        by_tag.setdefault(route.tag, []).append(route)
    sections = [
        _section(tag, "".join(_operation(route, public_url, schemas) for route in tagged))
        for tag, tagged in by_tag.items()
    ]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Watchword API reference</title>
<style>{STYLE}</style>
</head>
<body>
<a class="skip" href="#reference">Skip to the reference</a>
<header><h1>Watchword API reference</h1>
<p>Version {escape(__version__)} at <code>{escape(public_url)}</code> · also as
<a href="/openapi.json">OpenAPI 3.1</a></p></header>
<div class="columns">
<nav aria-label="Contents"><details><summary>Contents</summary>{_contents(by_tag)}</details></nav>
<main id="reference">
{_conventions(public_url)}
{"".join(sections)}
{_section(_SHAPES, _shapes(routes, schemas))}
{_section(_PROBLEMS, _problems())}
</main>
</div>
</body>
</html>
""".encode()


def _section(title: str, content: str) -> str:
    return f'<section id="{_tag_id(title)}"><h2>{escape(title)}</h2>\n{content}</section>\n'


def _tag_id(title: str) -> str:
    return f"section-{re.sub('[^a-z]+', '-', title.lower())}"


def _contents(by_tag: Mapping[str, Sequence[Route]]) -> str:
    items = [f"<li>{_link_to('Conventions')}</li>"]
    for tag, routes in by_tag.items():
        calls = "".join(
            f'<li><a href="#{operation_id(route)}">{_call_line(route)}</a></li>' for route in routes
        )
        items.append(f"<li>{_link_to(tag)}<ul>{calls}</ul></li>")
    items.extend(f"<li>{_link_to(title)}</li>" for title in (_SHAPES, _PROBLEMS))
    return f"<ul>{''.join(items)}</ul>"


def _link_to(title: str) -> str:
    return f'<a href="#{_tag_id(title)}">{escape(title)}</a>'


def _call_line(route: Route) -> str:
    method = escape(route.method)
    path = escape(route.path)
    return f'<code><span class="{method.lower()}">{method}</span> {path}</code>'


def _conventions(public_url: str) -> str:
    names = CookieNames(public_url.startswith("https://"))
    example = escape(msgspec.json.format(encode(problem_of(TokenExpired())), indent=2).decode())
    transports = table(
        ("transport", "for", "what it gets"),
        (
            (
                "<code>cookie</code>",
                "browser apps that call an API",
                f"an access token, and a refresh token in the cookie <code>{names.refresh}</code>",
            ),
            ("<code>body</code>", "mobile, CLI, servers", "both tokens in the body; no cookie"),
            (
                "<code>session</code>",
                "server-rendered sites",
                f"one cookie, <code>{names.session}</code>; no access token",
            ),
        ),
    )
    points = "".join(f"<li>{marked(point)}</li>" for point in _POINTS.splitlines())
    return _section("Conventions", f"{transports}<ul>{points}</ul>\n<pre>{example}</pre>")


_POINTS: Final = """\
A sign-in makes a session, held in one of these three ways. Access tokens (`Authorization: Bearer \
…`) and session cookies open the same doors.
Keys are camelCase, times are RFC 3339 in UTC, ids are opaque. A field marked `?` may be left out. \
Every answer carries `X-Request-Id`.
Lists come in pages: hand `nextCursor` back as `cursor` until it is null.
A request that changes state and carries a cookie, and every sign-in, must come from an origin of \
ours (`Sec-Fetch-Site`, `Origin`) or, from what is no browser, as `application/json`. A form post \
in the `session` transport also needs the token of `GET /auth/csrf`, as `X-CSRF-Token` or as the \
field `csrfToken`.
Step-up: a proof of identity within the last minutes, by signing in or by \
`POST /auth/reauthenticate`. A refresh is no proof.
A refusal is `application/problem+json` (RFC 9457) with a stable `code`, as below. Any address can \
say `MALFORMED`, `TOO_LARGE`, `METHOD_NOT_ALLOWED` and `INTERNAL`.\
"""


def _operation(route: Route, public_url: str, schemas: Schemas) -> str:
    rows = [("Who", marked(audience_of(route)))]
    if route.limits:
        limits = "; ".join(LIMITS[limit] for limit in sorted(route.limits))
        rows.append(("Limited", marked(limits)))
    if route.query:
        rows.append(("Query", _query(route)))
    if route.body is not None:
        rows.append(("Body", _body(route, schemas)))
    rows.append(("Answers", _answers(route, schemas)))
    refusals = refusals_of(route)
    if refusals:
        rows.append(("Refusals", _refusals(refusals)))
    rows.append(("Example", f"<pre>{escape(_curl(route, public_url))}</pre>"))
    terms = "".join(f"<dt>{term}</dt><dd>{content}</dd>\n" for term, content in rows)
    return (
        f'<article id="{operation_id(route)}"><h3>{_call_line(route)}</h3>'
        f"<p>{escape(route.summary)}</p>\n<dl>{terms}</dl></article>\n"
    )


def _query(route: Route) -> str:
    return table(
        ("field", "type", "meaning"),
        [
            (f"<code>{escape(name)}</code>", type_of({**QUERY[name].schema}, {}), marked(meaning))
            for name in route.query
            for meaning in [QUERY[name].meaning]
        ],
    )


def _body(route: Route, schemas: Schemas) -> str:
    assert route.body is not None
    schema = schemas[name_of(route.body)]
    note = f"<p>{marked(schema['description'])}</p>" if "description" in schema else ""
    if route.optional_body and schema["properties"]:
        note += "<p>May be left out.</p>"
    if not schema["properties"]:
        return note
    return note + fields(schema, schemas)


def _answers(route: Route, schemas: Schemas) -> str:
    lines = []
    for status, shape in route.answers.items():
        content, note = "", ""
        if shape is not None:
            schema = schemas[name_of(shape)]
            content, note = signature(schema, schemas), schema.get("description", "")
        elif route.path in MEDIA_TYPES:
            content = f"<code>{MEDIA_TYPES[route.path]}</code>"
        elif route.path in ANSWER_HEADERS:
            content = " ".join(f"<code>{name}</code>" for name in ANSWER_HEADERS[route.path])
        lines.append(f"<p>{status} {content}</p>")
        if note:
            lines.append(f"<p>{marked(note)}</p>")
    return "".join(lines)


def _refusals(refusals: Mapping[int, Sequence[str]]) -> str:
    lines = [
        f"<li>{status} {' '.join(_code_link(code) for code in codes)}</li>"
        for status, codes in refusals.items()
    ]
    return f'<ul class="refusals">{"".join(lines)}</ul>'


def _code_link(code: str) -> str:
    return f'<a href="#{anchor_of(code)}">{code}</a>'


def _curl(route: Route, public_url: str) -> str:
    """A line for a shell in which ``TOKEN`` and what the path names are set."""
    examples = () if route.body is None else EXAMPLES.get(route.body, ())
    implied = "POST" if examples else "GET"
    method = "" if route.method == implied else f"-X {route.method} "
    path = re.sub("{([a-z]+)}", lambda match: f"${match[1].upper()}", route.path)
    parts = [f'curl {method}"{public_url}{path}"']
    if not route.who.is_public:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if examples:
        content = encode(examples[0].plain()).decode()
        parts.append(f"-H 'Content-Type: application/json' -d {shlex.quote(content)}")
    return " ".join(parts)


def _shapes(routes: Iterable[Route], schemas: Schemas) -> str:
    """What bodies and answers are made of; these themselves stand with their calls."""
    spelled_out = {
        name_of(shape)
        for route in routes
        for shape in (route.body, *route.answers.values())
        if shape is not None
    }
    return "".join(
        f'<article id="shape-{escape(name)}"><h3>{escape(name)}</h3>'
        f"<p>{marked(schema.get('description', ''))}</p>{fields(schema, schemas)}</article>\n"
        for name, schema in schemas.items()
        if name not in spelled_out and "properties" in schema
    )


def _problems() -> str:
    items = "".join(
        f'<div id="{anchor_of(code)}"><dt><code>{code}</code><b>{status} '
        f"{escape(TITLES[status])}</b></dt><dd>{marked(MEANINGS[code])}</dd></div>\n"
        for code, status in sorted(STATUSES.items(), key=lambda item: item[1])
    )
    return f'<dl class="codes">{items}</dl>'
