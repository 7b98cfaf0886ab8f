"""What a password must be; it is never trimmed, cut, or asked for a digit or a capital.

Every password is compared, and hashed, in the one form that `normalise` gives it. A new one also
passes `PasswordPolicy.accept`. The only thing read from outside is the word list that is shipped
beside this module, once, at the first password that is compared with it.
"""

import gzip
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import digits, punctuation
from typing import Final

from watchword.domain.accounts import EmailAddress
from watchword.domain.errors import (
    PasswordBlocked,
    PasswordMalformed,
    PasswordTooLong,
    PasswordTooShort,
)

MAX_BYTES: Final = 1_024  # of UTF-8, after NFC; ASVS 6.2.9 asks for 64 characters at least

# No canonical spelling of a text is longer than 3 code points for 2 bytes of its NFC (u, diaeresis
# and macron for U+01D6), so whatever is longer than this is too long after NFC as well. It is
# asked first because putting combining marks in order costs the square of their number.
MAX_CODE_POINTS: Final = MAX_BYTES * 3 // 2

SERVICE_NAME: Final = "watchword"

_UNUSABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SHORTEST_WORD = 3  # initials beside digits prove nothing


def normalise(password: str) -> str:
    """The NFC form, in which a password is compared and hashed (NIST SP 800-63B-4, 3.1.1.2).

    Raise `PasswordTooLong`, in time that does not depend on the length, and `PasswordMalformed`
    for control characters and lone surrogates.
    """
    if len(password) > MAX_CODE_POINTS:
        raise PasswordTooLong
    if _UNUSABLE.search(password):
        raise PasswordMalformed
    normal = unicodedata.normalize("NFC", password)
    if len(normal.encode()) > MAX_BYTES:
        raise PasswordTooLong
    return normal


class Blocklist:
    """A set of whole passwords in every spelling of their case, kept as one block of text.

    The block holds one folded entry a line, sorted by its bytes; a Python set of the embedded
    list's entries would take six times the memory.
    """

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read

    @classmethod
    def embedded(cls) -> "Blocklist":
        """The list that is shipped with Watchword, read at the first use (3 ms)."""
        return cls(_embedded_block)

    @classmethod
    def of(cls, *passwords: str) -> "Blocklist":
        block = b"".join(sorted({_folded(password).encode() + b"\n" for password in passwords}))
        return cls(lambda: block)

    def __contains__(self, password: str) -> bool:
        wanted = _folded(password).encode()
        block = self._read()
        low, high = 0, len(block)
        while low < high:
            middle = (low + high) // 2
            start = max(block.rfind(b"\n", low, middle) + 1, low)
            end = block.index(b"\n", middle)
            entry = block[start:end]
            if entry == wanted:
                return True
            if entry < wanted:
                low = end + 1
            else:
                high = start
        return False


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """What a new password must be: ``minimum`` counts code points after NFC.

    There are no rules of composition, and nothing is looked for inside a password: a list is
    compared with the whole of it, and the refusal says why (NIST SP 800-63B-4, 3.1.1.2).
    ``context_words`` are the same for everybody (ASVS 6.1.2), see `words_of_service`.
    """

    minimum: int
    context_words: frozenset[str]
    blocklist: Blocklist

    def accept(self, password: str, *, own_words: Iterable[str]) -> str:
        """The password as it is to be hashed, or a `PasswordRefused` that says what is wrong.

        ``own_words`` are what everybody can know of this person, see `words_of_person`.
        """
        normal = normalise(password)
        if len(normal) < self.minimum:
            raise PasswordTooShort(self.minimum)
        if normal in self.blocklist:
            raise PasswordBlocked(
                "This password is on a list of common ones, which attackers try first."
            )
        if _is_made_of(normal, self.context_words.union(own_words)):
            raise PasswordBlocked(
                "This password is only a name, an address or the name of this service, "
                "which attackers try first."
            )
        return normal


def words_of_service(public_host: str) -> frozenset[str]:
    """Watchword's own name, and the host under which people know the service."""
    return frozenset({SERVICE_NAME, public_host, *_labels(public_host)})


def words_of_person(address: EmailAddress, name: str) -> frozenset[str]:
    """The address, its parts, the name and its parts."""
    local, _, domain = address.text.rpartition("@")
    parts = re.split(r"[\W_]+", f"{local} {name}")
    return frozenset({address.text, local, domain, *_labels(domain), name, *parts})


def _labels(host: str) -> list[str]:
    """Without the top level, which is a word of its own: mail, example of mail.example.org."""
    labels = host.split(".")
    return labels[:-1] or labels


def _is_made_of(password: str, words: Iterable[str]) -> bool:
    """Whether letters and digits of the password are one of the words, once or again and again.

    Digits around the word, and punctuation anywhere, make no difference: alice-2024 is alice.
    """
    kernels = _kernels(password)
    return any(
        len(kernel) % len(word) == 0 and kernel == word * (len(kernel) // len(word))
        for word in {kernel for word in words for kernel in _kernels(word)}
        for kernel in kernels
    )


def _kernels(text: str) -> set[str]:
    """The text without punctuation, and without the digits around it."""
    bare = "".join(c for c in _folded(text) if not _separates(c))
    return {kernel for kernel in (bare, bare.strip(digits)) if len(kernel) >= _SHORTEST_WORD}


def _separates(character: str) -> bool:
    return character in punctuation or unicodedata.category(character)[0] in "PZ"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@cache
def _embedded_block() -> bytes:
    packed = files("watchword.domain").joinpath("wordlists", "common.txt.gz").read_bytes()
    return gzip.decompress(packed)
