"""Settings that are secrets, and those that say how secrets are kept.

Invariant: a secret leaves its text as a `Secret`, and is shown as ``<hidden>``.
"""

import re
from typing import Final

from watchword.crypto.secret import Secret
from watchword.settings.parsing import Kind, Unreadable

LEAST_SECRET: Final = 32  # bytes: 256 bits, what HMAC-SHA256 and HKDF can make use of
LEAST_TOKEN: Final = 16
LEAST_SERVICE_TOKEN: Final = 32
HIDDEN: Final = "<hidden>"

_MAKE_ONE = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
_VISIBLE = re.compile(r"[!-~]+")
_PASSWORD_HASH = re.compile(r"argon2id,m=([0-9]{1,8}),t=([0-9]{1,3}),p=([0-9]{1,2})")
_LICENSE_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}")
_LARGEST_MEMORY = 4 * 1024 * 1024  # KiB


def master_secrets() -> Kind[tuple[Secret, ...]]:
    """Several while rotating: the first signs, all verify."""

    def parse(text: str) -> tuple[Secret, ...]:
        parts = [part.strip().encode() for part in text.split(",")]
        secrets = [Secret(part) for part in parts if part]
        if any(len(secret.reveal()) < LEAST_SECRET for secret in secrets):
            raise Unreadable(f"Use {LEAST_SECRET} bytes or more for each. Make one: {_MAKE_ONE}")
        return tuple(secrets)

    return Kind(parse, lambda secrets: ", ".join(HIDDEN for _ in secrets) or "none")


def password() -> Kind[Secret]:
    """Whether it is good enough is for the password rules to say, when it is first used."""

    def parse(text: str) -> Secret:
        return Secret(text.encode())

    return Kind(parse, lambda _: HIDDEN, verbatim=True)


def bearer_token() -> Kind[Secret]:
    def parse(text: str) -> Secret:
        if len(text) < LEAST_TOKEN or _VISIBLE.fullmatch(text) is None:
            raise Unreadable(
                f"Use {LEAST_TOKEN} ASCII characters or more, without spaces. Make one: {_MAKE_ONE}"
            )
        return Secret(text.encode())

    return Kind(parse, lambda _: HIDDEN)


def service_tokens() -> Kind[tuple[Secret, ...]]:
    """Several while rotating; each of them opens."""

    def parse(text: str) -> tuple[Secret, ...]:
        parts = [part.strip() for part in text.split(",")]
        tokens = [part for part in parts if part]
        if any(
            len(token) < LEAST_SERVICE_TOKEN or not _VISIBLE.fullmatch(token) for token in tokens
        ):
            raise Unreadable(
                f"Use {LEAST_SERVICE_TOKEN} ASCII characters or more for each, without spaces."
                f" Make one: {_MAKE_ONE}"
            )
        return tuple(Secret(token.encode()) for token in tokens)

    return Kind(parse, lambda tokens: ", ".join(HIDDEN for _ in tokens) or "none")


def license_key() -> Kind[Secret]:
    """As MaxMind makes them: letters, digits and underscores."""

    def parse(text: str) -> Secret:
        if _LICENSE_KEY.fullmatch(text) is None:
            raise Unreadable("Copy it from the account's page: letters, digits and underscores.")
        return Secret(text.encode())

    return Kind(parse, lambda _: HIDDEN)


def password_hash() -> Kind[str]:
    """Memory in KiB, passes, lanes. What is too weak for production is for `doctor` to say."""

    def parse(text: str) -> str:
        match = _PASSWORD_HASH.fullmatch(text)
        if match is None:
            raise Unreadable(
                "Write argon2id with its memory in KiB, passes and lanes: argon2id,m=19456,t=2,p=1."
            )
        memory, passes, lanes = map(int, match.groups())
        if not (passes and lanes and 8 * lanes <= memory <= _LARGEST_MEMORY):
            raise Unreadable(
                f"Argon2 needs t and p of 1 or more, and m of 8 times p to {_LARGEST_MEMORY}."
            )
        return text

    return Kind(parse, str)
