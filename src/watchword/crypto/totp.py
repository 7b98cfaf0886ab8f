"""Time-based one-time passwords (RFC 6238): six digits, SHA-1, steps of 30 seconds from the epoch.

Other parameters are not offered: widespread apps ignore them and show codes that never match. SHA-1
is sound here, for HMAC does not rest on collisions (RFC 6238 section 1.2, RFC 4226 appendix B.2).
"""

import re
from base64 import b32encode
from hmac import compare_digest
from typing import Final
from urllib.parse import quote, urlencode

from pyotp import TOTP

from watchword.crypto.secret import Secret

SECRET_BYTES: Final = 20  # RFC 4226 section 4 R6 recommends 160 bits
STEP_SECONDS: Final = 30

# Apps show "123 456", and what is copied there brings its space along. [0-9], for \d would let
# every other script's digits in, each a second spelling of the same code.
_CODE = re.compile(r"([0-9]{3})[ \u00a0]?([0-9]{3})")
_PIXELS_PER_MODULE: Final = 6


def make_secret(random: bytes) -> Secret:
    """Take ``SECRET_BYTES`` random bytes; ValueError for any other number."""
    if len(random) != SECRET_BYTES:
        raise ValueError("a secret is made from 20 random bytes")
    return Secret(random)


def to_text(secret: Secret) -> str:
    """The secret in base32, as people type it into an app that cannot scan."""
    return b32encode(secret.reveal()).decode("ascii")


def key_uri(secret: Secret, *, issuer: str, account: str) -> str:
    """The ``otpauth://`` URL that apps read (Key URI format). It holds the secret: show it once.

    A colon parts issuer and account there, so neither may hold one.
    """
    issuer, account = issuer.replace(":", " "), account.replace(":", " ")
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    query = urlencode({"secret": to_text(secret), "issuer": issuer}, safe="", quote_via=quote)
    return f"otpauth://totp/{label}?{query}"


def qr_code(uri: str) -> str:
    """A QR code as a ``data:`` URL of a small PNG, which every client can show, mobile ones too. It
    takes 12 ms of pure Python, so it is drawn on a thread.
    """
    from segno import make_qr  # lazy: 4 ms and 1 MiB that only an enrolment needs

    return make_qr(uri, error="m").png_data_uri(scale=_PIXELS_PER_MODULE)


def match(secret: Secret, code: str, now: int) -> int | None:
    """The step whose code this is, at ``now`` in seconds since the epoch, or None.

    The current step counts and the one before it, for people who type slowly: a documented
    deviation from ASVS 6.5.5. The caller burns the step (ASVS 6.5.1, attack B10). Both codes are
    always compared, so time does not tell which one was near.
    """
    digits = _CODE.fullmatch(code.strip())
    if digits is None:
        return None
    given, codes = digits[1] + digits[2], TOTP(to_text(secret))
    current = now // STEP_SECONDS
    is_current = compare_digest(codes.generate_otp(current), given)
    is_previous = compare_digest(codes.generate_otp(max(current - 1, 0)), given)
    if is_current:
        return current
    return current - 1 if is_previous else None
