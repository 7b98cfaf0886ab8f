"""Tokens that only we can make, and that have one spelling each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto.identifiers import RANDOM_BYTES, make_id
from watchword.crypto.jws import InvalidToken
from watchword.crypto.opaque import MacKeys, SessionTokens, SignedTexts, from_text, to_text

KEYS = MacKeys([b"k" * 32])
REFRESH = SessionTokens("wwr_", KEYS)
SESSION = make_id(1_800_000_000_000, b"r" * RANDOM_BYTES)
SALT = b"s" * 16
TOKEN = REFRESH.make(SESSION, 7, SALT)


class TestSessionTokens:
    def test_the_same_generation_is_the_same_token(self) -> None:
        assert REFRESH.make(SESSION, 7, SALT) == TOKEN
        assert REFRESH.make(SESSION, 8, SALT) != TOKEN

    def test_a_token_of_ours_names_its_session_and_generation(self) -> None:
        presented = REFRESH.read(TOKEN)
        assert (presented.session_id, presented.generation) == (SESSION, 7)
        REFRESH.require_genuine(presented, SALT)

    def test_the_key_alone_makes_no_token_of_a_session(self) -> None:
        with pytest.raises(InvalidToken):
            REFRESH.require_genuine(REFRESH.read(TOKEN), b"t" * 16)

    @given(position=st.integers(0, len(TOKEN) - 1), character=st.characters())
    def test_s16_one_other_character_is_another_text(self, position: int, character: str) -> None:
        changed = TOKEN[:position] + character + TOKEN[position + 1 :]
        if changed != TOKEN:
            with pytest.raises(InvalidToken):
                REFRESH.read(changed)

    @pytest.mark.parametrize("changed", [TOKEN[:-1], TOKEN + "A", TOKEN[:-22], f" {TOKEN}", ""])
    def test_s16_a_cut_or_longer_token_is_refused(self, changed: str) -> None:
        with pytest.raises(InvalidToken):
            REFRESH.read(changed)

    @given(st.text(max_size=300))
    def test_garbage_is_refused_and_nothing_else_happens(self, text: str) -> None:
        with pytest.raises(InvalidToken):
            REFRESH.read(text)

    def test_r08_a_token_of_one_kind_is_none_of_another(self) -> None:
        cookies = SessionTokens("wws_", KEYS)
        for text in (TOKEN, TOKEN.replace("wwr_", "wws_")):
            with pytest.raises(InvalidToken):
                cookies.read(text)

    def test_a_former_key_still_verifies_and_makes_nothing(self) -> None:
        rotated = SessionTokens("wwr_", MacKeys([b"n" * 32, b"k" * 32]))
        rotated.require_genuine(rotated.read(TOKEN), SALT)
        assert rotated.make(SESSION, 7, SALT) != TOKEN

    def test_what_was_presented_does_not_show_its_secret(self) -> None:
        presented = REFRESH.read(TOKEN)
        assert to_text(presented.secret)[:8] not in repr(presented)
        assert repr(presented.secret) not in repr(presented)
        assert "k" * 8 not in repr(KEYS)


class TestSignedTexts:
    @given(st.text(max_size=200).filter(lambda text: text.isprintable()))
    def test_a_text_comes_back_as_it_was_given(self, text: str) -> None:
        signed = SignedTexts(KEYS)
        assert signed.read(signed.sign(text)) == text

    @given(st.text(max_size=200))
    def test_i06_what_was_not_signed_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidToken):
            SignedTexts(KEYS).read(text)

    def test_a_text_signed_with_another_key_is_refused(self) -> None:
        with pytest.raises(InvalidToken):
            SignedTexts(MacKeys([b"o" * 32])).read(SignedTexts(KEYS).sign("users:5"))


class TestSpelling:
    @given(st.binary(max_size=64))
    def test_bytes_have_one_spelling(self, raw: bytes) -> None:
        text = to_text(raw)
        assert from_text(text) == raw
        for other in (f"{text}=", f" {text}", f"{text}\n"):
            with pytest.raises(InvalidToken):
                from_text(other)

    def test_a_short_mac_is_refused_before_it_is_compared(self) -> None:
        whole = KEYS.make(b"message")
        KEYS.require(b"message", whole)
        for short in (b"", whole[:15], whole[:16], whole + b"\0"):
            with pytest.raises(InvalidToken):
                KEYS.require(b"message", short)


class TestIds:
    def test_ids_sort_by_the_moment_they_were_made(self) -> None:
        moments = [0, 1, 255, 256, 1_800_000_000_000]
        ids = [make_id(moment, b"\xff" * RANDOM_BYTES) for moment in moments]
        assert ids == sorted(ids)
        assert {len(text) for text in ids} == {32}
