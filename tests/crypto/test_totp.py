"""One-time passwords agree with the RFCs, live for two steps, and have few spellings."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto import totp
from watchword.crypto.secret import Secret

# The key of RFC 4226 appendix D, which RFC 6238 appendix B uses for SHA-1.
RFC = Secret(b"12345678901234567890")
NOW = 2_000_000_000
CODE = "279037"  # the last six digits of RFC 6238 appendix B at this moment

moments = st.integers(0, 2**34)


class TestTheVectors:
    @pytest.mark.parametrize(
        ("count", "code"),
        [
            (0, "755224"),
            (1, "287082"),
            (2, "359152"),
            (3, "969429"),
            (4, "338314"),
            (5, "254676"),
            (6, "287922"),
            (7, "162583"),
            (8, "399871"),
            (9, "520489"),
        ],
    )
    def test_of_rfc_4226_appendix_d_pass(self, count: int, code: str) -> None:
        assert totp.match(RFC, code, count * totp.STEP_SECONDS) == count

    @pytest.mark.parametrize(
        ("moment", "eight_digits"),
        [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ],
    )
    def test_of_rfc_6238_appendix_b_pass(self, moment: int, eight_digits: str) -> None:
        """Six digits of a code are the last six of its eight (RFC 4226 section 5.3)."""
        assert totp.match(RFC, eight_digits[2:], moment) == moment // 30


class TestACode:
    def test_lives_for_its_step_and_the_next(self) -> None:
        step = NOW // 30
        lives = {
            moment
            for moment in range((step - 2) * 30, (step + 3) * 30)
            if totp.match(RFC, CODE, moment) is not None
        }
        assert lives == set(range(step * 30, (step + 2) * 30))

    def test_b10_names_the_step_that_is_to_be_burnt(self) -> None:
        step = NOW // 30
        assert totp.match(RFC, CODE, NOW) == totp.match(RFC, CODE, NOW + 30) == step

    @pytest.mark.parametrize(
        "typed", ["279 037", " 279037", "279037\n", "\t279 037 ", "279\u00a0037"]
    )
    def test_may_be_typed_as_it_is_shown(self, typed: str) -> None:
        assert totp.match(RFC, typed, NOW) == NOW // 30

    @pytest.mark.parametrize(
        "typed",
        [
            "",
            "27903",
            "2790370",
            "0279037",
            "279  037",
            "27 9037",
            "2 7 9 0 3 7",
            "279-037",
            "+279037",
            "0x5847a",
            "\uff12\uff17\uff19\uff10\uff13\uff17",
            "\u0662\u0667\u0669\u0660\u0663\u0667",
            "27903\uff17",
            "279037\x00",
            "\ud800",
            "279037 279037",
        ],
    )
    def test_has_no_other_spelling(self, typed: str) -> None:
        assert totp.match(RFC, typed, NOW) is None

    @given(code=st.text(max_size=12), now=moments)
    def test_that_is_garbage_matches_nothing_and_raises_nothing(self, code: str, now: int) -> None:
        step = totp.match(RFC, code, now)
        assert step is None or re.fullmatch(r"\s*\d{3}\s?\d{3}\s*", code)

    @given(random=st.binary(min_size=20, max_size=20), now=moments)
    def test_of_another_secret_is_another(self, random: bytes, now: int) -> None:
        matches = sum(
            totp.match(totp.make_secret(random), f"{number:06}", now) is not None
            for number in range(0, 1_000_000, 99_991)
        )
        assert matches <= 2


class TestASecret:
    def test_has_160_bits(self) -> None:
        assert totp.make_secret(b"\x01" * 20).reveal() == b"\x01" * 20
        for length in (0, 16, 19, 21, 32):
            with pytest.raises(ValueError, match="20 random bytes"):
                totp.make_secret(bytes(length))

    def test_is_typed_in_base32_without_padding(self) -> None:
        assert totp.to_text(RFC) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

    def test_does_not_show_itself(self) -> None:
        assert "1234" not in repr(RFC)


class TestTheKeyUri:
    def test_is_what_apps_read(self) -> None:
        uri = totp.key_uri(RFC, issuer="Ada & Co", account="ada+1@example.com")
        assert uri == (
            "otpauth://totp/Ada%20%26%20Co:ada%2B1%40example.com"
            "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Ada%20%26%20Co"
        )

    @given(issuer=st.text(min_size=1), account=st.text(min_size=1))
    def test_i08_a_name_adds_no_part(self, issuer: str, account: str) -> None:
        issuer = issuer.encode("utf-8", "ignore").decode()
        account = account.encode("utf-8", "ignore").decode()
        parts = urlsplit(totp.key_uri(RFC, issuer=issuer, account=account))
        shown_issuer, shown_account = parts.path[1:].split(":")
        assert unquote(shown_issuer) == issuer.replace(":", " ")
        assert unquote(shown_account) == account.replace(":", " ")
        assert set(parse_qs(parts.query, keep_blank_values=True)) == {"secret", "issuer"}
        assert parts.fragment == ""

    def test_becomes_a_small_picture_that_needs_no_script(self) -> None:
        picture = totp.qr_code(totp.key_uri(RFC, issuer="Watchword", account="a@example.com"))
        assert picture.startswith("data:image/png;base64,iVBOR")
        longest = totp.key_uri(RFC, issuer="W" * 64, account="a" * 64 + "@" + "b" * 189)
        assert len(picture) < 1_500
        assert len(totp.qr_code(longest)) < 4_000
