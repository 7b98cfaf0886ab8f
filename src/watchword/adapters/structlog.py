"""One log for all of Watchword and its libraries: a line each on a terminal, JSON everywhere else.

A record is one line whatever it holds (attack I08); on a terminal a traceback follows it, indented.
Invariant: no secret in it. A value is written only if it is plain; one whose name sounds like a
secret, and what looks like a token inside a text, is hidden; an object shows its type, a traceback
no variables. Logging never raises and never stops a request: what cannot be written is lost.
"""

import json
import logging
import math
import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePath
from threading import Lock
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from watchword.crypto.secret import Secret

Form = Literal["console", "json"]

HIDDEN: Final = "<hidden>"

_LONGEST_TEXT: Final = 16_384
_MOST_ITEMS: Final = 100
_DEEPEST: Final = 4
_WIDEST_INTEGER: Final = 64  # bits; Python refuses to print really long ones
_CUT: Final = "…"

_encode = json.JSONEncoder(ensure_ascii=True, check_circular=False, separators=(",", ":")).encode

_SECRET_NAME = re.compile(
    r"passw|passphrase|secret|token|cookie|authori[sz]ation|credential|csrf|pepper|api_?key|licen[cs]e_?key"
    r"|private_?key|(?<![a-z])otp(?![a-z])|^code$|(mfa|totp|recovery|backup|auth)[_-]?codes?$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"\b(?P<scheme>(?:Bearer|Basic|DPoP)\s+)[\w.~+/=-]{16,}"
    r"|\beyJ[\w-]{8,}(?:\.[\w-]*){1,4}"
    r"|(?P<field>[?&#](?:token|code|state|password|secret)=)[^&\s\"']+"
)


def configure(form: Form, level: str, stream: TextIO) -> Callable[[], None]:
    """Send what structlog and the standard library log at ``level`` and above to ``stream``.

    This sets what structlog and the root logger do in the whole process, so it is for a program
    that owns its process. Returns what puts everything back as it was.
    """
    earlier = structlog.get_config()
    threshold = logging.getLevelNamesMapping()[level.upper()]
    renderer = _as_json if form == "json" else _as_line
    output = _Output(stream)
    structlog.configure(
        processors=[*_COLLECT, _tidy, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        context_class=dict,
        logger_factory=lambda *_: output,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    earlier_handlers, earlier_level = root.handlers[:], root.level
    root.handlers[:] = [_Forwarder(structlog.get_logger().bind())]
    root.setLevel(threshold)

    def restore() -> None:
        structlog.configure(**earlier)
        root.handlers[:] = earlier_handlers
        root.setLevel(earlier_level)

    return restore


class _Output:
    """The end of structlog's chain: writes whole lines, one thread at a time."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = Lock()

    def _write(self, line: str) -> None:
        try:
            with self._lock:
                try:
                    self._stream.write(line + "\n")
                except UnicodeEncodeError:
                    self._stream.write(line.encode("ascii", "backslashreplace").decode() + "\n")
                self._stream.flush()
        except (OSError, ValueError):  # a full disk, a closed pipe
            return

    debug = info = warning = error = critical = _write


class _Forwarder(logging.Handler):
    """Passes a record of the standard library on, so that there is one way out."""

    def __init__(self, logger: FilteringBoundLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  arguments that do not fit are the caller's slip, not ours
            message = str(record.msg)
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        self._logger.log(level, message, logger=record.name, exc_info=record.exc_info)


_COLLECT: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    structlog.processors.format_exc_info,
)


def _tidy(_logger: object, _method: str, fields: EventDict) -> EventDict:
    """Plain values only, in an order that is easy to read."""
    time, level, event = fields.pop("time"), fields.pop("level"), fields.pop("event", "")
    trace = fields.pop("exception", None)
    tidy: dict[str, Plain] = {"time": str(time), "level": str(level), "event": _plain(event)}
    tidy.update((key, _plain_member(key, value, 1)) for key, value in fields.items())
    if trace is not None:
        text = _hide(str(trace))
        tidy["exception"] = text if len(text) <= _LONGEST_TEXT else _CUT + text[-_LONGEST_TEXT:]
    return tidy


Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]


def _plain(value: object, depth: int = 0) -> Plain:
    match value:
        case None | bool():
            return value
        case str():
            return _hide(value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT] + _CUT)
        case Enum():
            return _plain(value.value, depth)
        case int():
            return value if value.bit_length() < _WIDEST_INTEGER else "<integer>"
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping() if depth < _DEEPEST:
            members = list(value.items())[:_MOST_ITEMS]
            return {str(key): _plain_member(str(key), inner, depth + 1) for key, inner in members}
        case list() | tuple() | set() | frozenset() if depth < _DEEPEST:
            return [_plain(inner, depth + 1) for inner in list(value)[:_MOST_ITEMS]]
        case _:
            return _plain_object(value)


def _plain_object(value: object) -> str:
    name = type(value).__name__
    match value:
        case Secret():
            return HIDDEN
        case PurePath() | IPv4Address() | IPv6Address():
            return _hide(str(value))
        case BaseException():
            try:
                return _hide(f"{name}: {value}"[:_LONGEST_TEXT])
            except Exception:  # noqa: BLE001  whatever its __str__ does
                return f"<{name}>"
        case _:
            return f"<{name}>"


def _plain_member(key: str, value: object, depth: int) -> Plain:
    if value is None or isinstance(value, bool) or not _sounds_secret(key):
        return _plain(value, depth)
    return HIDDEN


@lru_cache(1_024)
def _sounds_secret(key: str) -> bool:
    return _SECRET_NAME.search(key) is not None


def _hide(text: str) -> str:
    # Most texts hold none of these, and looking for them costs a tenth of the pattern.
    if "eyJ" in text or "=" in text or "Bearer" in text or "Basic" in text or "DPoP" in text:
        return _SECRET_TEXT.sub(_keep_label, text)
    return text


def _keep_label(match: re.Match[str]) -> str:
    return (match["scheme"] or match["field"] or "") + HIDDEN


def _as_json(_logger: object, _method: str, fields: EventDict) -> str:
    """ASCII, because some readers of lines also end one at U+2028 or U+0085."""
    return _encode(fields)


def _as_line(_logger: object, _method: str, fields: EventDict) -> str:
    time, level, event = fields.pop("time"), fields.pop("level"), fields.pop("event")
    trace = fields.pop("exception", "")
    members = [f"{_visible(key)}={_quoted(value)}" for key, value in fields.items()]
    head = " ".join([time[11:23], f"{level:<8}", _visible(_worded(event)), *members])
    return "\n    ".join([head, *map(_visible, trace.splitlines())])


def _quoted(value: Plain) -> str:
    text = _worded(value)
    if text and not set(text) & set(' "=') and text.isprintable():
        return text
    return _visible(json.dumps(text, ensure_ascii=False))


def _worded(value: Plain) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _visible(text: str) -> str:
    """Nothing that moves the cursor, colours, ends the line or turns its direction."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
