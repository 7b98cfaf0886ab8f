"""What people are told when something does not work: all of it in German as well."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import watchword
from watchword.domain import errors
from watchword.domain.errors import FieldError, Refusal
from watchword.web.screens.rendering import OURS

SOURCES: Final = Path(watchword.__file__).parent
# A page says something of its own about these, or leads to another one.
SAID_OTHERWISE: Final = (
    *(errors.Malformed, errors.Unavailable, errors.FederationFailed, errors.StepUpRequired),
    *(
        errors.TokenMissing,
        errors.TokenInvalid,
        errors.TokenExpired,
        errors.TokenReused,
        errors.MfaRequired,
    ),
    *(errors.SessionExpired, errors.SessionRevoked, errors.CsrfFailed),
)
# Names follow, and only a forged form comes to it.
OF_NAMES: Final = {"Not a role here. Use one of: #."}
FOR_PROGRAMS: Final = {
    *("web/identity.py", "web/examples.py", "flows/passkey_sign_in.py"),
    *("web/return_to.py", "flows/revocation_stream.py"),
}
SHOWN: Final = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type)
    and issubclass(kind, Refusal | FieldError)
    and not issubclass(kind, SAID_OTHERWISE)
}


def texts() -> Iterator[str]:
    """Of every refusal and every field's fault that a page may show; a number is ``#``."""
    for kind in set(SHOWN.values()) - {Refusal, errors.NotAuthenticated, FieldError}:
        if "detail" in vars(kind):
            yield str(vars(kind)["detail"])
    for room in ("domain", "flows", "web"):
        for file in sorted((SOURCES / room).rglob("*.py")):
            place = str(file.relative_to(SOURCES))
            if place in FOR_PROGRAMS or place.startswith("web/api/"):
                continue
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    yield from _said(node)


def _said(call: ast.Call) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    is_own = isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"
    if name not in SHOWN and not is_own:
        return
    for given in call.args:
        text = _text(given)
        if " " in text:
            yield text


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) if isinstance(part, ast.Constant) else "#" for part in parts)
    return ""


def test_every_refusal_that_a_page_shows_is_said_in_german() -> None:
    said = tomllib.loads((OURS / "languages" / "de.toml").read_text("utf-8"))
    found = set(texts())
    assert "This password is on a list of common ones, which attackers try first." in found
    assert "You are not allowed to do this." in found
    assert "Use at most # characters." in found
    assert sorted(found - said.keys() - OF_NAMES) == []
