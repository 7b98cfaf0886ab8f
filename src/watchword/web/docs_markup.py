"""Schemas and texts as HTML, for the page of the API reference.

Invariant: what comes in is text, what goes out is HTML, and `escape` stands between them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from watchword.web.answers import encode
from watchword.web.reference import Json
from watchword.web.schemas import REFERENCE

Schemas = Mapping[str, Json]


def marked(text: str) -> str:
    """Text with its `code` in code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML."""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def fields(schema: Json, schemas: Schemas) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            f"<code>{escape(name)}{'' if name in required else '?'}</code>",
            type_of(field, schemas),
            _default(field),
        )
        for name, field in schema["properties"].items()
    ]
    if not any(default for _, _, default in rows):
        return table(("field", "type"), [row[:2] for row in rows])
    return table(("field", "type", "default"), rows)


def _default(field: Json) -> str:
    if "default" not in field:
        return ""
    return f"<code>{escape(encode(field['default']).decode())}</code>"


def type_of(schema: Json, schemas: Schemas) -> str:
    """A schema in a few words of HTML; shapes are links, enumerations are spelled out."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REFERENCE)
        if "enum" in schemas[name]:
            return type_of(schemas[name], schemas)
        return f'<a href="#shape-{escape(name)}">{escape(name)}</a>'
    if "enum" in schema:
        return escape(" | ".join(encode(value).decode() for value in schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(type_of(option, schemas) for option in schema["anyOf"])
    if schema.get("type") == "array":
        return f"{type_of(schema['items'], schemas)}[]"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_of(schema['additionalProperties'], schemas)}"
    if schema.get("format") == "date-time":
        return "time"
    return escape(schema.get("type", "any"))


def signature(schema: Json, schemas: Schemas) -> str:
    """An object's fields on one line."""
    required = set(schema.get("required", ()))
    named = [
        f"{escape(name)}{'' if name in required else '?'}: {type_of(field, schemas)}"
        for name, field in schema["properties"].items()
    ]
    return f"<code>{{ {', '.join(named)} }}</code>"
