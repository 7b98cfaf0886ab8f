"""Settings of mail: the relay, whom mail comes from, and its language.

Invariant: the user and the password of a relay are shown as ``<hidden>``.
"""

import re
from typing import Final
from urllib.parse import unquote

from watchword.crypto.secret import Secret
from watchword.domain.accounts import EmailAddress
from watchword.domain.errors import Invalid
from watchword.domain.hosts import is_loopback
from watchword.domain.mail import Encryption, Login, Mailbox, Relay
from watchword.settings.addresses import LAST_PORT, parse_host
from watchword.settings.credentials import HIDDEN
from watchword.settings.parsing import Kind, Unreadable

_PORTS: Final = {Encryption.NONE: 25, Encryption.STARTTLS: 587, Encryption.TLS: 465}
# Stricter than urlsplit, which guesses where a password with an "@" or a "#" in it ends.
_RELAY = re.compile(
    r"(?P<scheme>smtps?)://(?:(?P<user>[^:@/?#\s]+):(?P<password>[^:@/?#\s]+)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?/?"
    r"(?:\?starttls=(?P<starttls>[01]))?",
    re.ASCII,
)
_HALF_ESCAPED = re.compile(r"%(?![0-9A-Fa-f]{2})")
_RELAY_ADVICE = (
    "Write smtp://user:password@host:587?starttls=1 or smtps://user:password@host:465, with what is"
    " neither letter nor digit in user and password percent-encoded (%40 for @)."
)
_MAILBOX = re.compile(r'(?:"(?P<quoted>[^"<>\\]*)"|(?P<name>[^"<>\\]*?))\s*<(?P<address>[^<>]+)>')
_LONGEST_NAME: Final = 100
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)


def relay() -> Kind[Relay]:
    """Without ``starttls``, `smtp` means STARTTLS, save to this machine itself."""
    return Kind(_parse_relay, _show_relay)


def _parse_relay(text: str) -> Relay:
    match = _RELAY.fullmatch(text)
    if match is None or _HALF_ESCAPED.search(text):
        raise Unreadable(_RELAY_ADVICE)
    try:
        host = parse_host(match["host"].lower()).strip("[]")
        encryption = _encryption(match["scheme"], match["starttls"], host)
        port = int(match["port"] or _PORTS[encryption])
        login = _parse_login(match["user"], match["password"])
    except ValueError:
        raise Unreadable(_RELAY_ADVICE) from None
    if not 0 < port <= LAST_PORT:
        raise Unreadable(_RELAY_ADVICE)
    try:
        return Relay(host, port, encryption, login)
    except ValueError as refusal:
        raise Unreadable(f"{refusal} Leave starttls=0 out, or the password.") from None


def _encryption(scheme: str, starttls: str | None, host: str) -> Encryption:
    """Raise ValueError for `smtps` with STARTTLS inside, which no server speaks."""
    if scheme == "smtps":
        if starttls == "1":
            raise ValueError(starttls)
        return Encryption.TLS
    is_asked_for = starttls == "1" if starttls else not is_loopback(host)
    return Encryption.STARTTLS if is_asked_for else Encryption.NONE


def _parse_login(user: str | None, password: str | None) -> Login | None:
    """Raise ValueError for what an SMTP command cannot carry."""
    if user is None or password is None:
        return None
    plain = [unquote(part, errors="strict") for part in (user, password)]
    if not all(text.isprintable() for text in plain):
        raise ValueError(HIDDEN)
    return Login(plain[0], Secret(plain[1].encode()))


def _show_relay(relay: Relay) -> str:
    login = f"{HIDDEN}@" if relay.login else ""
    host = f"[{relay.host}]" if ":" in relay.host else relay.host
    if relay.encryption is Encryption.TLS:
        return f"smtps://{login}{host}:{relay.port}"
    starttls = int(relay.encryption is Encryption.STARTTLS)
    return f"smtp://{login}{host}:{relay.port}?starttls={starttls}"


def mailbox() -> Kind[Mailbox]:
    """``Name <address>``, or an address alone."""
    return Kind(_parse_mailbox, _show_mailbox)


def _parse_mailbox(text: str) -> Mailbox:
    match = _MAILBOX.fullmatch(text)
    name = (match["quoted"] or match["name"] or "").strip() if match else ""
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise Unreadable(f"Use at most {_LONGEST_NAME} printable characters for the name.")
    try:
        return Mailbox(name, EmailAddress.parse(match["address"] if match else text).text)
    except Invalid:
        raise Unreadable("Write an address, or Name <no-reply@example.com>.") from None


def _show_mailbox(mailbox: Mailbox) -> str:
    return f"{mailbox.name} <{mailbox.address}>" if mailbox.name else mailbox.address


def language() -> Kind[str]:
    def parse(text: str) -> str:
        if _LANGUAGE.fullmatch(text) is None:
            raise Unreadable("Write a language as BCP 47 does, such as en or pt-BR.")
        return text

    return Kind(parse, str)
