"""Which certificates of a relay are believed. Invariant: every one is verified, and its name."""

import ssl
from pathlib import Path

from watchword.domain.errors import Unavailable


class CaFileUnusable(Unavailable):
    """The file that the operator named is not there, or holds no certificate."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__()
        self._text = f"{path}: {problem}. Name a PEM file of the relay's certificate authority."

    def __str__(self) -> str:
        return self._text


def make_tls(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer (ASVS 12.1.1, 12.3.2). With a ``ca_file``, nobody else's word counts.

    Raise `CaFileUnusable`.
    """
    try:
        tls = ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        assert ca_file is not None
        raise CaFileUnusable(ca_file, "It holds no certificate") from None
    except OSError as error:
        assert ca_file is not None
        raise CaFileUnusable(ca_file, error.strerror or type(error).__name__) from None
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    return tls
