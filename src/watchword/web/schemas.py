"""JSON Schemas of bodies and answers, as msgspec reads them off the shapes, in a reader's words."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from watchword.web.errors import Problem
from watchword.web.reference import Json
from watchword.web.routing import Route

REFERENCE: Final = "#/components/schemas/"
_SUFFIX: Final = "Shape"
_PASSWORDS: Final = frozenset({"password", "newPassword", "currentPassword"})
_ADDRESSES: Final = frozenset({"email", "newEmail"})
_NULL: Final = {"type": "null"}


def name_of(shape: type[msgspec.Struct]) -> str:
    """``UserShape`` is called ``User`` outside."""
    return shape.__name__.removesuffix(_SUFFIX)


def schemas_of(routes: Iterable[Route]) -> dict[str, Json]:
    """By name: every body, every answer, `Problem`, and whatever these are made of."""
    shapes: set[type[msgspec.Struct]] = {Problem}
    for route in routes:
        shapes.update(shape for shape in (route.body, *route.answers.values()) if shape)
    _, found = msgspec.json.schema_components(
        sorted(shapes, key=name_of), ref_template=f"{REFERENCE}{{name}}"
    )
    named = {name.removesuffix(_SUFFIX): _tidied(schema) for name, schema in found.items()}
    return dict(sorted(named.items()))


def _tidied(schema: Json) -> Json:
    """The same schema without what repeats the name of its component."""
    tidy = {key: value for key, value in schema.items() if key != "title"}
    if "$ref" in tidy:
        tidy["$ref"] = tidy["$ref"].removesuffix(_SUFFIX)
    if "description" in tidy:
        tidy["description"] = " ".join(tidy["description"].replace("``", "`").split())
    if "enum" in tidy:
        tidy = {"type": "string", **tidy}
    if "items" in tidy:
        tidy["items"] = _tidied(tidy["items"])
    if isinstance(tidy.get("additionalProperties"), dict):
        tidy["additionalProperties"] = _tidied(tidy["additionalProperties"])
    if "properties" in tidy:
        tidy["properties"] = {
            name: _with_format(name, _tidied(field)) for name, field in tidy["properties"].items()
        }
    return _optional(tidy) if "anyOf" in tidy else tidy


def _optional(schema: Json) -> Json:
    """A field that is None by default is one to leave out, which needs no null."""
    options: Sequence[Json] = [_tidied(option) for option in schema["anyOf"]]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if "default" in rest and rest["default"] is None:
        del rest["default"]
        options = [option for option in options if option != _NULL]
    if len(options) == 1:
        return {**options[0], **rest}
    return {"anyOf": list(options), **rest}


def _with_format(name: str, schema: Json) -> Json:
    if schema.get("type") != "string":
        return schema
    if name == "at" or name.endswith("At"):
        return {**schema, "format": "date-time"}
    if name in _ADDRESSES:
        return {**schema, "format": "email"}
    if name in _PASSWORDS:
        return {**schema, "format": "password"}
    return schema
