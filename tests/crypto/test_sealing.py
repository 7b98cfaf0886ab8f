"""Secrets hide themselves, keys of different labels differ, and a seal opens in one place only."""

import copy
import pickle
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto.sealing import SealBroken, Sealer
from watchword.crypto.secret import Secret, derive_key

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
HERE, THERE = b"signing_keys/1", b"signing_keys/2"


class TestSecret:
    def test_only_reveal_shows_it(self) -> None:
        secret = Secret(b"hunter2")
        assert secret.reveal() == b"hunter2"
        assert [repr(secret), str(secret), f"{secret}", "%s" % secret] == ["<hidden>"] * 4  # noqa: UP031  every way to print

    def test_it_has_no_attributes_to_walk_through(self) -> None:
        assert not hasattr(Secret(b"hunter2"), "__dict__")

    def test_equality_goes_by_value(self) -> None:
        assert Secret(b"hunter2") == Secret(b"hunter2")
        assert Secret(b"hunter2") != Secret(b"hunter3")
        assert Secret(b"hunter2") != b"hunter2"

    def test_it_cannot_be_hashed(self) -> None:
        with pytest.raises(TypeError):
            hash(Secret(b"hunter2"))

    @pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy])
    def test_it_is_neither_pickled_nor_copied(self, leak: object) -> None:
        assert callable(leak)
        with pytest.raises(TypeError):
            leak(Secret(b"hunter2"))

    def test_settings_turned_into_a_dict_do_not_carry_it_away(self) -> None:
        @dataclass
        class Configured:
            master: Secret

        with pytest.raises(TypeError):
            asdict(Configured(Secret(b"hunter2")))


class TestDerivedKeys:
    def test_the_third_vector_of_rfc_5869_is_met(self) -> None:
        # Appendix A.3: neither salt nor info, which is our derivation under an empty label.
        expected = (
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        )
        assert derive_key(Secret(b"\x0b" * 22), "", 42).hex() == expected

    def test_a_label_always_gives_the_same_key(self) -> None:
        assert derive_key(Secret(b"m" * 32), "refresh") == derive_key(Secret(b"m" * 32), "refresh")

    def test_another_label_or_master_gives_another_key(self) -> None:
        keys = {
            derive_key(Secret(master), label)
            for master in (b"m" * 32, b"n" * 32)
            for label in ("refresh", "cookie", "sealing")
        }
        assert len(keys) == 6

    def test_a_key_has_the_length_asked_for(self) -> None:
        assert len(derive_key(Secret(b"m" * 32), "refresh")) == 32
        assert len(derive_key(Secret(b"m" * 32), "refresh", 64)) == 64


class TestSealer:
    @given(plaintext=st.binary(max_size=200), context=st.binary(max_size=50))
    def test_what_was_sealed_opens_in_its_place(self, plaintext: bytes, context: bytes) -> None:
        sealer = Sealer([NEW])
        assert sealer.open(sealer.seal(plaintext, context), context) == plaintext

    def test_a_sealed_row_cannot_be_moved(self) -> None:
        sealer = Sealer([NEW])
        with pytest.raises(SealBroken):
            sealer.open(sealer.seal(b"seed", HERE), THERE)

    def test_a_rotated_secret_still_opens_what_the_old_one_sealed(self) -> None:
        sealed = Sealer([OLD]).seal(b"seed", HERE)
        assert Sealer([NEW, OLD]).open(sealed, HERE) == b"seed"

    def test_the_first_key_seals(self) -> None:
        sealed = Sealer([NEW, OLD]).seal(b"seed", HERE)
        assert Sealer([NEW]).open(sealed, HERE) == b"seed"
        with pytest.raises(SealBroken):
            Sealer([OLD]).open(sealed, HERE)

    def test_the_same_value_is_never_sealed_alike(self) -> None:
        sealer = Sealer([NEW])
        assert len({sealer.seal(b"seed", HERE) for _ in range(100)}) == 100

    @given(st.data())
    def test_any_changed_bit_breaks_the_seal(self, data: st.DataObject) -> None:
        sealed = bytearray(Sealer([NEW]).seal(b"seed", HERE))
        bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
        sealed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            Sealer([NEW]).open(bytes(sealed), HERE)

    @given(st.integers(0, 32))
    def test_any_cut_breaks_the_seal(self, length: int) -> None:
        sealed = Sealer([NEW]).seal(b"seed", HERE)
        assert len(sealed) == 33
        with pytest.raises(SealBroken):
            Sealer([NEW]).open(sealed[:length], HERE)

    @given(st.binary(max_size=64))
    def test_random_bytes_are_a_broken_seal(self, sealed: bytes) -> None:
        with pytest.raises(SealBroken):
            Sealer([NEW, OLD]).open(sealed, HERE)

    @pytest.mark.parametrize("keys", [[], [b""], [b"k" * 16], [NEW, b"k" * 31]])
    def test_a_key_is_32_bytes(self, keys: list[bytes]) -> None:
        with pytest.raises(ValueError, match="32 bytes"):
            Sealer(keys)

    def test_a_sealer_shows_no_key(self) -> None:
        assert NEW.hex() not in repr(Sealer([NEW]))
        assert repr(NEW) not in repr(Sealer([NEW]))
