"""Recovery codes are strong, and one however they are typed."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto import recovery_codes
from watchword.crypto.recovery_codes import COUNT, RANDOM_BYTES, hash_of, make, normal
from watchword.testing import SeededRandomness

CODES = make(SeededRandomness().bytes(RANDOM_BYTES))
SHOWN = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){5}")


class TestASet:
    def test_has_ten_codes_of_24_letters(self) -> None:
        assert len(set(CODES.texts)) == COUNT == 10
        assert all(SHOWN.fullmatch(text) for text in CODES.texts)

    @given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
    def test_carries_every_random_bit(self, random: bytes) -> None:
        """120 bits each, so a plain hash may keep them (ASVS 6.5.2)."""
        alphabet = recovery_codes._ALPHABET
        back = b""
        for text in make(random).texts:
            number = 0
            for letter in normal(text):
                number = number << 5 | alphabet.index(letter)
            back += number.to_bytes(15, "big")
        assert back == random

    @pytest.mark.parametrize("length", [0, 15, RANDOM_BYTES - 1, RANDOM_BYTES + 1])
    def test_is_made_from_enough_randomness(self, length: int) -> None:
        with pytest.raises(ValueError, match="150 random bytes"):
            make(bytes(length))

    def test_does_not_show_itself(self) -> None:
        assert all(text not in repr(CODES) for text in CODES.texts)
        assert all(normal(text) not in repr(CODES) for text in CODES.texts)

    def test_is_kept_as_hashes_of_its_codes(self) -> None:
        first = CODES.texts[0].replace("-", "").encode()
        assert CODES.hashes[0] == hashlib.sha256(first).digest()
        assert len(set(CODES.hashes)) == COUNT


class TestACode:
    @pytest.mark.parametrize("text", CODES.texts)
    def test_b11_is_one_in_every_spelling(self, text: str) -> None:
        bare = text.replace("-", "")
        spellings = [
            bare,
            text.lower(),
            bare.lower(),
            text.swapcase(),
            f"  {text}\n",
            text.replace("-", " "),
            text.replace("-", "\u2013"),
            text.replace("-", "\u00a0"),
            "-".join(bare),
            text.replace("0", "O").replace("1", "I"),
            text.replace("0", "o").replace("1", "l"),
        ]
        assert {hash_of(spelled) for spelled in spellings} == {hash_of(text)}

    @pytest.mark.parametrize("text", CODES.texts)
    def test_is_not_another_code(self, text: str) -> None:
        others = [text[:-1], text + "0", text[1:], text[::-1], text.replace("-", "_")]
        assert hash_of(text) not in {hash_of(other) for other in others}

    def test_has_no_look_alikes_beyond_ascii(self) -> None:
        """A long s has S for its capital letter, a Kelvin sign k for its small one."""
        assert normal("\u017f\u212a") == "\u017f\u212a"
        assert normal("\uff21") == "\uff21"

    @given(st.text() | st.text(alphabet=st.characters(categories=["Cs"])))
    def test_i01_any_text_is_hashed_and_none_raises(self, text: str) -> None:
        assert normal(normal(text)) == normal(text)
        assert len(hash_of(text)) == 32
