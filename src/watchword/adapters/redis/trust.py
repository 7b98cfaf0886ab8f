"""Which certificates of a Redis are believed. Invariant: every one is verified, and its name."""

import ssl
from pathlib import Path

from watchword.adapters.redis.failures import RedisFailed


def make_tls(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer (ASVS 12.1.1). With a ``ca_file``, nobody else's word counts. Raise
    `RedisFailed` when that file is not there, or holds no certificate.
    """
    try:
        tls = ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise RedisFailed(
            f"{ca_file} cannot be read: name a PEM file of who has signed the certificate of Redis."
        ) from None
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    return tls
