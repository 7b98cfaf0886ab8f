"""The hashes were made by Django 5.2, passlib 1.7, bcrypt 5.0 and argon2-cffi 25.1."""

import hashlib
from base64 import b64encode

import bcrypt
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from watchword.adapters.argon2.foreign import UnreadableHash, parse
from watchword.domain.errors import WrongPassword

PASSWORD = "Grüße, Jörg 🔑"

DIGEST = b64encode(bytes(32)).decode()
BARE = DIGEST.rstrip("=")


def firebase_scrypt(n: int, salt: bytes, separator: bytes, signer_key: bytes) -> str:
    """As its documentation tells it, with a cipher of another making: AES in ECB of a counter."""
    key = hashlib.scrypt(PASSWORD.encode(), salt=salt + separator, n=1 << n, r=8, p=1, dklen=32)
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    blocks = range(len(signer_key) // 16 + 1)
    stream = b"".join(cipher.update(block.to_bytes(16, "big")) for block in blocks)
    digest = bytes(a ^ b for a, b in zip(signer_key, stream, strict=False))
    parts = (separator, signer_key, salt, digest)
    ss, sk, salted, made = (b64encode(part).decode() for part in parts)
    return f"$fbscrypt$v=1,n={n},r=8,p=1,ss={ss},sk={sk}${salted}${made}"


FIREBASE = firebase_scrypt(4, b"salt of Ada", b"\x07", bytes(range(64)))

VECTORS = {
    "bcrypt 2a": "$2a$04$aBIrEIH22TNBhAb3PCOgS.EzF/EvmLEMqSVy3H0ox7L87yVA5IwAG",
    "bcrypt 2b": "$2b$04$lgDe7RTntKo2S1R6ZVVMZOoVEDlJPIcMyzndFXPEiz01Vc7PRn0a2",
    "bcrypt 2y": "$2y$04$lgDe7RTntKo2S1R6ZVVMZOoVEDlJPIcMyzndFXPEiz01Vc7PRn0a2",
    "bcrypt of SHA-256": "bcrypt_sha256$"
    + bcrypt.hashpw(
        hashlib.sha256(PASSWORD.encode()).hexdigest().encode(), b"$2b$04$" + b"a" * 21 + b"u"
    ).decode(),
    "scrypt of Firebase": FIREBASE,
    "scrypt of Django": "scrypt$16$pepperySalt12$8$1$8euieUj2sux5fiUID6v2k2iCdcf4NGxDPlGq"
    "/TI3BZH6FAKxInpMU+AJlbtek8A7B/e29/cnVueatd9h4Eq/Cw==",
    "scrypt of Django, its defaults": "scrypt$16384$pepperySalt12$8$5$7K49+ql8baSh9BuqNpOrUecD"
    "6bNv9U+ZEUwuQve+mFGfFrWDWamjXFCP5WmbbBY95KCNlvxQaWSAlpCyJ22r1A==",
    "scrypt of passlib": "$scrypt$ln=4,r=8,p=1$03oPoXQuZSzFGGOMkTLG+A"
    "$5r0sID2Nr9q3VR65tLNT/LGDbNBQsDyooGlxLXAMGgw",
    "PBKDF2 of Django": "pbkdf2_sha256$3$pepperySalt12$"
    "tMzkKz3RgrdpW1F6+emppez+xX6CSr/f/bJg2sddQIY=",
    "PBKDF2 of passlib": "$pbkdf2-sha256$3$eo.xVmoNoXTO.V8rhdAaQw$"
    "Hy/z7L9CcE847VH0CFCkA01M3YFpLOECUmnyBgNMzDY",
    "PBKDF2 of passlib, SHA-512": "$pbkdf2-sha512$3$FWJs7V2L0XrPufe.V8oZQw$"
    "QaIug86z.nwPEquxcZQqzu7oDaFTEZAygfbrNDvYvaGKgBlL3I90crw2Hgig6YJx.fgvhnOS7FFUTBfh8lB/nQ",
    "PBKDF2 in PHC form": "$pbkdf2-sha512$i=3$cGhjU2FsdC0xMjM0NTY3OA$aA2tpfNp0Z22ZfVOc37l51tg"
    "EAicFjeUNSrKfsDyixcDiL/bkMLuurf0OiQ/uuhr2uVsH9Go01q42DCyFEQX5A",
    "PBKDF2 in PHC form with a length": "$pbkdf2-sha256$i=3,l=32$cGhjU2FsdC0xMjM0NTY3OA$"
    "dOKjL2M+J5aav8t5nDOnFkrWBaFkhYKtovN+zeO3NEc",
}

every_vector = pytest.mark.parametrize("encoded", VECTORS.values(), ids=VECTORS.keys())


class TestVectors:
    @every_vector
    def test_the_password_is_taken(self, encoded: str) -> None:
        parse(encoded).verify(PASSWORD.encode())

    @every_vector
    @pytest.mark.parametrize(
        "wrong", ["", "grüße, jörg 🔑", PASSWORD + " ", " " + PASSWORD, PASSWORD[:-1], "x" * 1_024]
    )
    def test_any_other_is_refused(self, encoded: str, wrong: str) -> None:
        with pytest.raises(WrongPassword):
            parse(encoded).verify(wrong.encode())

    @every_vector
    def test_a_changed_digest_is_refused(self, encoded: str) -> None:
        """The character before the last ones, which carry spare bits."""
        at = len(encoded) - 6
        changed = encoded[:at] + ("A" if encoded[at] != "A" else "B") + encoded[at + 1 :]
        with pytest.raises(WrongPassword):
            parse(changed).verify(PASSWORD.encode())

    def test_the_example_of_rfc_7914_is_taken(self) -> None:
        """Section 12: "pleaseletmein", "SodiumChloride", N = 16384, r = 8, p = 1."""
        digest = bytes.fromhex(
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
            "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
        )
        encoded = f"scrypt$16384$SodiumChloride$8$1${b64encode(digest).decode()}"
        parse(encoded).verify(b"pleaseletmein")

    @pytest.mark.parametrize(
        ("password", "parameters"),
        [
            (
                "user1password",
                (
                    "ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKb"
                    "m0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC"
                    "/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
                ),
            ),
            (
                "mytestpassword",
                (
                    "ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n"
                    "14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS"
                    "5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw=="
                ),
            ),
        ],
        ids=["README of Firebase's scrypt", "tests of Supabase's auth"],
    )
    def test_the_published_examples_of_firebase_are_taken(
        self, password: str, parameters: str
    ) -> None:
        stored = parse(f"$fbscrypt$v=1,n=14,r=8,p=1,{parameters}")
        stored.verify(password.encode())
        with pytest.raises(WrongPassword):
            stored.verify(b"user2password")
        assert parameters[11:40] not in repr(stored)

    def test_nothing_of_a_hash_is_shown(self) -> None:
        for encoded in VECTORS.values():
            assert encoded[-20:-4] not in repr(parse(encoded))


class TestBcrypt:
    def test_it_saw_72_bytes_so_it_is_compared_with_72(self) -> None:
        """Old hashes were made with the cut; the library refuses longer passwords since 5.0."""
        password = b"a long pass phrase, " * 6
        stored = parse(bcrypt.hashpw(password[:72], bcrypt.gensalt(4)).decode())
        stored.verify(password)
        stored.verify(password[:72])
        for wrong in (password[:71], password[:71] + b"?" + password[72:]):
            with pytest.raises(WrongPassword):
                stored.verify(wrong)

    def test_a_letter_cut_in_two_by_the_limit_is_borne(self) -> None:
        password = ("x" * 71 + "é and more").encode()
        parse(bcrypt.hashpw(password[:72], bcrypt.gensalt(4)).decode()).verify(password)


class TestWhatIsNotRead:
    @pytest.mark.parametrize(
        "encoded",
        [
            *("", "plain text", "!", "$", "$$$$", "5f4dcc3b5aa765d61d8327deb882cf99"),
            "$1$saltsalt$" + "a" * 22,
            "$2b$04$" + "." * 21 + "a" + "." * 31,
            "$2b$04$" + "." * 52,
            "$2b$04$" + "." * 54,
            "$2b$04$" + "." * 53 + "\n",
            "$2x$04$" + "." * 53,
            "$2b$٠٤$" + "." * 53,
            f"$scrypt$ln=4,r=8$c2FsdA${BARE}",
            f"$scrypt$ln=4,r=8,p=1$c2FsdA$x{BARE}x",
            f"$scrypt$ln=-4,r=8,p=1$c2FsdA${BARE}",
            f"scrypt$15$salt$8$1${DIGEST}",
            f"scrypt$1$salt$8$1${DIGEST}",
            f"scrypt$65536$salt$1$1${DIGEST}",
            f"pbkdf2_sha1$3$salt${DIGEST}",
            f"pbkdf2_sha256$0$salt${DIGEST}",
            f"pbkdf2_sha256$3$salt${DIGEST}$more",
            f"$pbkdf2-md5$3$c2FsdA${BARE}",
            f"bcrypt_sha256${DIGEST}",
            f"$fbscrypt$v=2,n=4,r=8,p=1,ss=Bw==,sk={DIGEST}$c2FsdA==${DIGEST}",
            f"$fbscrypt$v=1,n=4,r=8,p=1,ss=Bw==$c2FsdA==${DIGEST}",
            f"$fbscrypt$v=1,n=4,r=8,p=1,ss=Bw==,sk={DIGEST}$c2FsdA==$" + "A" * 64,
            f"$pbkdf2-sha256$i=3,l=32,x=1$c2FsdA${BARE}",
        ],
    )
    def test_what_is_unknown_or_malformed(self, encoded: str) -> None:
        with pytest.raises(UnreadableHash):
            parse(encoded)

    @pytest.mark.parametrize("size", [0, 1, 15, 65, 96])
    def test_a_digest_that_proves_little_or_costs_much(self, size: int) -> None:
        """An empty digest would be that of every password."""
        digest = hashlib.shake_128(b"").digest(size)
        text = b64encode(digest).decode()
        for encoded in (
            f"pbkdf2_sha256$3$salt${text}",
            f"$pbkdf2-sha512$3$c2FsdA${text.rstrip('=')}",
            f"$scrypt$ln=4,r=8,p=1$c2FsdA${text.rstrip('=')}",
            f"scrypt$16$salt$8$1${text}",
            f"$fbscrypt$v=1,n=4,r=8,p=1,ss=Bw==,sk={text}$c2FsdA==${text}",
        ):
            with pytest.raises(UnreadableHash):
                parse(encoded)

    @pytest.mark.parametrize(
        "encoded",
        [
            "$2b$16$" + "." * 53,
            "$2b$31$" + "." * 53,
            "$2b$03$" + "." * 53,
            f"$scrypt$ln=19,r=8,p=1$c2FsdA${BARE}",
            f"$scrypt$ln=4000000000,r=8,p=1$c2FsdA${BARE}",
            f"$scrypt$ln=4,r=33,p=1$c2FsdA${BARE}",
            f"$scrypt$ln=4,r=1,p=33$c2FsdA${BARE}",
            f"scrypt$4194304$salt$1$1${DIGEST}",
            f"$fbscrypt$v=1,n=19,r=8,p=1,ss=Bw==,sk={DIGEST}$c2FsdA==${DIGEST}",
            f"$fbscrypt$v=1,n=4,r=33,p=1,ss=Bw==,sk={DIGEST}$c2FsdA==${DIGEST}",
            "bcrypt_sha256$$2b$16$" + "." * 53,
            f"scrypt$16$salt$9999999999$1${DIGEST}",
            f"pbkdf2_sha256$3000001$salt${DIGEST}",
            f"$pbkdf2-sha512$i=9999999999$c2FsdA${BARE}",
        ],
    )
    def test_x01_what_would_cost_more_than_a_sign_in_may(self, encoded: str) -> None:
        with pytest.raises(UnreadableHash):
            parse(encoded)

    @given(
        st.from_regex(r"\$2[aby]\$04\$[./A-Za-z0-9]{21}[.Oeuabc][./A-Za-z0-9]{31}", fullmatch=True)
        | st.from_regex(
            r"\$scrypt\$ln=[1-6],r=[1-4],p=[1-4]\$[A-z0-9]{2,9}\$\w{22,88}", fullmatch=True
        )
        | st.from_regex(
            r"\$fbscrypt\$v=1,n=[1-4],r=[1-4],p=1(,ss=\w{2,4})?,sk=\w{22,44}\$\w{2,9}\$\w{22,44}",
            fullmatch=True,
        )
        | st.from_regex(r"scrypt\$(2|4|8|9|16)\$\w{1,9}\$[1-4]\$[1-4]\$\w{22,88}", fullmatch=True)
        | st.from_regex(r"\$?pbkdf2[-_]sha256\$[1-9]\$\w{1,9}\$\w{22,88}", fullmatch=True)
    )
    def test_what_is_read_can_be_verified(self, encoded: str) -> None:
        """So a malformed hash is found before the work starts, not by a library within it."""
        try:
            stored = parse(encoded)
        except UnreadableHash:
            return
        with pytest.raises(WrongPassword):
            stored.verify(b"password")

    def test_no_refusal_quotes_the_hash(self) -> None:
        for encoded in ("$2b$31$" + "." * 53, f"pbkdf2_sha256$9999999$salt${DIGEST}", "secret"):
            with pytest.raises(UnreadableHash) as refusal:
                parse(encoded)
            assert encoded not in str(refusal.value)
