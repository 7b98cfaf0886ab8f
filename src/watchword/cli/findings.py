"""What can be wrong with an installation, judged from its settings alone.

To add a check: a generator of findings here (or in `machine` when it has to look at the machine),
named in `of_settings`, with a test. Invariant: a finding says what may happen, and what to do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from watchword.adapters.argon2 import Argon2Parameters
from watchword.crypto.keys import Algorithm
from watchword.domain.hosts import is_loopback
from watchword.settings import ServerUrl, Settings

_LEAST_VARIETY: Final = 8  # different bytes; 32 random digits of base 16 have hardly ever fewer
_LEAST_PASSWORD: Final = 12


class Weight(StrEnum):
    """What is `UNSAFE` where others can reach it is a hint on one's own machine."""

    BROKEN = "broken"
    UNSAFE = "unsafe"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Finding:
    weight: Weight
    subject: str
    problem: str
    remedy: str


def broken(subject: str, problem: str, remedy: str) -> Finding:
    return Finding(Weight.BROKEN, subject, problem, remedy)


def unsafe(subject: str, problem: str, remedy: str) -> Finding:
    return Finding(Weight.UNSAFE, subject, problem, remedy)


def hint(subject: str, problem: str, remedy: str) -> Finding:
    return Finding(Weight.HINT, subject, problem, remedy)


def is_exposed(settings: Settings) -> bool:
    """Whether anybody but this machine is meant to reach it."""
    return settings.is_https or not _is_loopback(settings.public_url)


def of_settings(settings: Settings) -> Iterator[Finding]:
    """As for an installation that others can reach."""
    yield from _of_address(settings)
    yield from _of_secrets(settings)
    yield from _of_servers(settings)
    yield from _of_limits(settings)
    yield from _of_passwords(settings)
    yield from _of_mail(settings)
    yield from _of_profile(settings)


def _of_address(settings: Settings) -> Iterator[Finding]:
    name = "WATCHWORD_PUBLIC_URL"
    if not settings.is_https and _is_loopback(settings.public_url):
        yield hint(
            name,
            "This is for this machine alone: cookies are not marked Secure.",
            "Before others use it, set it to the https address that browsers will see.",
        )
    elif not settings.is_https:
        yield unsafe(
            name,
            "Over http, passwords and tokens can be read on the way.",
            "Put a proxy that speaks TLS in front, and write the address with https.",
        )
    elif not settings.trusted_proxies:
        yield unsafe(
            "WATCHWORD_TRUSTED_PROXIES",
            "Behind a TLS proxy everybody seems to come from one address, the proxy's: one"
            " attacker uses up the limits of all.",
            "Name the proxy's address or network, such as 127.0.0.1 or 10.0.0.0/8.",
        )
    for origin in settings.cors_origins:
        if origin.startswith("http://") and not _is_loopback(origin):
            yield unsafe(
                "WATCHWORD_CORS_ORIGINS",
                f"{origin} may call with credentials, and anybody on the way can change its pages.",
                "Write it with https, or leave it out.",
            )


def _of_secrets(settings: Settings) -> Iterator[Finding]:
    if not settings.secret:
        yield hint(
            "WATCHWORD_SECRET",
            "It is made once, in the data directory, so each node would have its own.",
            "For several nodes, give all of them the same one. Back the file up in any case.",
        )
    for secret in settings.secret:
        if len(set(secret.reveal())) < _LEAST_VARIETY:
            yield unsafe(
                "WATCHWORD_SECRET",
                "It looks as if somebody had typed it, and can perhaps be guessed.",
                "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'",
            )
    if settings.metrics_token is None:
        yield hint(
            "WATCHWORD_METRICS_TOKEN",
            "/metrics answers every program on this machine, a proxy that adds no X-Forwarded-For"
            " among them.",
            "Set a token, and give it to the program that reads the figures.",
        )
    if settings.signing_algorithm is Algorithm.HS256:
        yield hint(
            "WATCHWORD_SIGNING_ALGORITHM",
            "Whoever can check an HS256 token can also make one.",
            "Use EdDSA, unless no other service checks tokens.",
        )


def _of_servers(settings: Settings) -> Iterator[Finding]:
    if isinstance(settings.database_url, ServerUrl) and settings.database_url.is_plain:
        yield unsafe(
            "WATCHWORD_DATABASE_URL",
            "What the database is asked and answers may be read and changed on the way.",
            "Add ?sslmode=verify-full&sslrootcert=… to the address.",
        )
    if settings.redis_url is not None and settings.redis_url.is_plain:
        yield unsafe(
            "WATCHWORD_REDIS_URL",
            "Counters, and what moves in sessions, can be read and changed on the way.",
            "Write rediss, which speaks TLS.",
        )


def _of_limits(settings: Settings) -> Iterator[Finding]:
    limits = {
        "WATCHWORD_LOCKOUT": settings.lockout_policy,
        "WATCHWORD_LIMIT_SIGN_IN": settings.limit_sign_in,
        "WATCHWORD_LIMIT_AUTH": settings.limit_auth,
    }
    for name, limit in limits.items():
        if limit is None:
            yield unsafe(
                name,
                "It is off, so that passwords can be guessed as fast as they are checked.",
                "Leave it out, which brings the default back.",
            )


def _of_passwords(settings: Settings) -> Iterator[Finding]:
    try:
        Argon2Parameters.parse(settings.password_hash)
    except ValueError as error:
        yield broken("WATCHWORD_PASSWORD_HASH", str(error), "Leave it out for the default.")
    if settings.password_min_length < _LEAST_PASSWORD:
        yield hint(
            "WATCHWORD_PASSWORD_MIN_LENGTH",
            "Passwords this short are guessed from stolen hashes.",
            "Use 15, or 12 with a second factor (NIST SP 800-63B-4 section 3.1.1.2).",
        )
    if settings.breach_url is None and settings.breach_file is None:
        yield hint(
            "WATCHWORD_BREACH_URL",
            "Nobody is asked whether a new password is known from a breach.",
            "Name a server of the range protocol, or a list with WATCHWORD_BREACH_FILE"
            " (ASVS 6.2.12).",
        )


def _of_mail(settings: Settings) -> Iterator[Finding]:
    relay = settings.smtp_url
    if relay is None:
        if is_exposed(settings):
            yield hint(
                "WATCHWORD_SMTP_URL",
                "Mail is only written to files in the data directory, and reaches nobody.",
                "Name the server that sends it.",
            )
        return
    if relay.is_plain:
        yield unsafe(
            "WATCHWORD_SMTP_URL",
            "Over plain SMTP, links that open accounts can be read on the way.",
            "Leave starttls=0 out, or write smtps.",
        )
    if settings.mail_from is None and not is_loopback(relay.host):
        yield hint(
            "WATCHWORD_MAIL_FROM",
            f"Mail comes from {settings.sender.address}, which others may take for forged.",
            "Name an address of a domain that the server may send for (SPF, DKIM).",
        )


def _of_profile(settings: Settings) -> Iterator[Finding]:
    for row in settings.below_profile():
        yield hint(
            row.name,
            f"{row.value} is weaker than the strict profile, which you have chosen.",
            f"Leave it out, which brings {row.strict} back, or write what is stricter.",
        )


def _is_loopback(origin: str) -> bool:
    return is_loopback(urlsplit(origin).hostname or "")
