import gzip
import hashlib
import re
import unicodedata
from importlib.resources import files
from itertools import chain, islice

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from watchword.domain.accounts import EmailAddress
from watchword.domain.errors import (
    PasswordBlocked,
    PasswordMalformed,
    PasswordRefused,
    PasswordTooLong,
    PasswordTooShort,
)
from watchword.domain.passwords import (
    Blocklist,
    PasswordPolicy,
    normalise,
    words_of_person,
    words_of_service,
)

GOOD = "violet teapot 7 moons"
ALICE = words_of_person(EmailAddress.parse("alice.liddell@wonderland.example"), "Alice P. Liddell")


def policy(minimum: int = 12, *blocked: str, host: str = "login.acme.example") -> PasswordPolicy:
    return PasswordPolicy(minimum, words_of_service(host), Blocklist.of(*blocked))


def accept(password: str, *, minimum: int = 12) -> str:
    return policy(minimum).accept(password, own_words=ALICE)


class TestLength:
    """ASVS 6.2.1, 6.2.9; NIST SP 800-63B-4, 3.1.1.2."""

    @pytest.mark.parametrize("minimum", [8, 12, 15])
    def test_the_minimum_is_enough_and_one_less_is_not(self, minimum: int) -> None:
        password = "zyvxqkjwhgbnmpl"[:minimum]
        assert accept(password, minimum=minimum) == password
        with pytest.raises(PasswordTooShort, match=f"{minimum} characters"):
            accept(password[:-1], minimum=minimum)

    def test_fifteen_emoji_pass_and_fourteen_do_not(self) -> None:
        emoji = "🦊🌵🚲🍋🎻🧊🪁🐙🌋🥁🧵🦉🍄🛶🪐"
        assert accept(emoji, minimum=15) == emoji
        with pytest.raises(PasswordTooShort):
            accept(emoji[:14], minimum=15)

    def test_code_points_count_after_nfc(self) -> None:
        decomposed = unicodedata.normalize("NFD", "éàüöñç")
        assert len(decomposed) == 12
        with pytest.raises(PasswordTooShort):
            accept(decomposed)

    def test_long_passwords_pass(self) -> None:
        for length in (64, 128, 129, 1_024):
            text = (GOOD * 60)[:length]
            assert accept(text) == text

    @pytest.mark.parametrize("password", ["x" * 1_025, "é" * 513, "🦊" * 257])
    def test_i02_more_than_1024_bytes_are_refused(self, password: str) -> None:
        with pytest.raises(PasswordTooLong):
            accept(password)

    @pytest.mark.parametrize("character", ["ǖ", "ΰ", "각", "ᾂ", "é"])
    def test_no_spelling_of_a_password_that_fits_is_too_long(self, character: str) -> None:
        fits = character * (1_024 // len(character.encode()))
        assert normalise(unicodedata.normalize("NFD", fits)) == fits

    def test_i12_length_is_judged_before_nfc(self) -> None:
        """Putting these marks in order first would take hours: the square of their number."""
        with pytest.raises(PasswordTooLong):
            normalise("\u0315\u0300" * 500_000)


class TestForm:
    def test_both_unicode_forms_of_a_password_are_one_password(self) -> None:
        composed = "crème brûlée für Zoë"
        decomposed = unicodedata.normalize("NFD", composed)
        assert decomposed != composed
        assert accept(decomposed) == accept(composed) == normalise(decomposed) == composed

    def test_compatible_forms_stay_different(self) -> None:
        """NFC, where the drafts of NIST said NFKC: ﬁ is not fi."""
        assert normalise("ﬁ ² ㎏") == "ﬁ ² ㎏"

    @pytest.mark.parametrize(
        "password", ["  in the middle  ", "Trailing Space ", "\u00a0wide\u3000"]
    )
    def test_nothing_is_stripped_or_folded(self, password: str) -> None:
        assert normalise(password) == password

    @pytest.mark.parametrize("evil", ["\x00", "\t", "\r", "\n", "\x1b", "\x7f", "\x85"])
    def test_i01_control_characters_are_refused(self, evil: str) -> None:
        for password in (f"{evil}{GOOD}", f"violet{evil}teapot 7 moons", f"{GOOD}{evil}"):
            with pytest.raises(PasswordMalformed):
                accept(password)

    @pytest.mark.parametrize("evil", ["\ud800", "x\udfff", "y\udcff", "\ud83e\udd8a"])
    def test_i01_lone_surrogates_are_refused(self, evil: str) -> None:
        with pytest.raises(PasswordMalformed):
            normalise(GOOD + evil)

    def test_joined_emoji_and_right_to_left_marks_are_text(self) -> None:
        family = "👨\u200d👩\u200d👧\u200d👦 are \u200fשמש\u200e"
        assert accept(family) == family

    def test_a_refusal_names_no_password(self) -> None:
        for password in ("short", GOOD + "\x00", "x" * 2_000, "alicealicealice"):
            with pytest.raises(PasswordRefused) as refusal:
                accept(password)
            assert password not in refusal.value.detail


class TestBlocklist:
    def test_a_listed_password_is_refused_with_the_reason(self) -> None:
        with pytest.raises(PasswordBlocked, match="list of common ones"):
            policy(12, "correct horse").accept("correct horse", own_words=())

    @pytest.mark.parametrize("spelling", ["Correct Horse", "CORRECT HORSE", "correct horsE"])
    def test_case_does_not_hide_a_listed_password(self, spelling: str) -> None:
        with pytest.raises(PasswordBlocked):
            policy(12, "correct Horse").accept(spelling, own_words=())

    def test_only_the_whole_password_is_compared(self) -> None:
        """NIST SP 800-63B-4, 3.1.1.2: no search for parts."""
        for password in ("correct horse!", " correct horse", "correct hors", "orrect horse"):
            if len(password) >= 12:
                assert policy(12, "correct horse").accept(password, own_words=()) == password

    @given(st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=6)), st.data())
    def test_membership_is_that_of_a_set(self, words: list[str], data: st.DataObject) -> None:
        blocklist = Blocklist.of(*words)
        assert all(word in blocklist for word in words)
        other = data.draw(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=6))
        folded = {unicodedata.normalize("NFC", word).casefold() for word in words}
        assume(unicodedata.normalize("NFC", other).casefold() not in folded)
        assert other not in blocklist

    def test_an_empty_list_holds_nothing(self) -> None:
        assert "password" not in Blocklist.of()
        assert "" not in Blocklist.of()


class TestTheEmbeddedList:
    LIST = files("watchword.domain").joinpath("wordlists", "common.txt.gz")

    @pytest.mark.parametrize(
        "password",
        [
            *("password", "Password", "12345678", "iloveyou", "trustno1", "passw0rd"),
            *("password1234", "Administrator", "motherfucker", "1qaz2wsx3edc", "leavemealone"),
            *("qwertyuiopas", "123456789012", "aaaaaaaaaaaa", "abcdefghijkl", "zyxwvutsrqpon"),
            *("passwordpassword", "qwerty123456789", "111222333444555", "1q2w3e4r5t6y7u8i"),
            *("WELCOME12345!", "adminadminadmin", "correcthorsebatterystaple"),
            *("йцукенгшщзхъ", "!@#$%^&*()_+"[:10], "987654321098765432109876"),
        ],
    )
    def test_what_everybody_tries_first_is_on_it(self, password: str) -> None:
        """ASVS 6.2.4."""
        assert password in Blocklist.embedded()

    @pytest.mark.parametrize("minimum", range(8, 17))
    def test_thousands_fit_every_minimum(self, minimum: int) -> None:
        """ASVS 6.2.4: 3,000 that fit the length rule, every one of them refused."""
        fitting = [word for word in self.entries() if len(word) >= minimum]
        assert len(fitting) >= 3_000
        embedded = PasswordPolicy(minimum, frozenset(), Blocklist.embedded())
        for word in islice(fitting, 0, None, 50):
            with pytest.raises(PasswordBlocked):
                embedded.accept(word, own_words=())

    def test_its_first_middle_and_last_entries_are_found(self) -> None:
        entries = self.entries()
        embedded = Blocklist.embedded()
        picked = chain(entries[:20], entries[len(entries) // 2 :][:20], entries[-20:])
        assert all(word in embedded for word in picked)

    def test_every_entry_is_folded_sorted_and_once(self) -> None:
        entries = self.entries()
        assert entries == sorted(set(entries), key=str.encode)
        assert all(unicodedata.normalize("NFC", word.casefold()) == word for word in entries)

    def test_it_stays_small(self) -> None:
        assert len(self.LIST.read_bytes()) <= 400_000
        assert len(self.block()) <= 2_000_000

    def test_its_readme_tells_its_size_and_digest(self) -> None:
        readme = self.LIST.parent.joinpath("README.md").read_text()  # type: ignore[attr-defined]
        assert f"{len(self.entries()):,} entries" in readme
        assert f"{len(self.block()):,} bytes ({len(self.LIST.read_bytes()):,} compressed)" in readme
        assert hashlib.sha256(self.block()).hexdigest() in readme

    def test_it_names_no_address(self) -> None:
        assert not [word for word in self.entries() if re.fullmatch(r"[^@]+@[^@]+\.\w+", word)]

    def block(self) -> bytes:
        return gzip.decompress(self.LIST.read_bytes())

    def entries(self) -> list[str]:
        return self.block().decode().splitlines()


class TestContextWords:
    """ASVS 6.1.2, 6.2.11."""

    @pytest.mark.parametrize(
        "password",
        [
            *("watchword1234", "WatchwordWatchword", "2024-Watchword!!", "watchword watchword"),
            *("acmeacmeacme", "login.acme.example", "LOGIN.ACME.EXAMPLE2024", "«acme» acme, acme"),
            *("alicealicealice", "Alice12345678", "alice.liddell", "Alice P. Liddell 1862"),
            *("LIDDELL-LIDDELL", "wonderland2024", "alice.liddell@wonderland.example"),
        ],
    )
    def test_names_alone_or_repeated_are_refused_with_the_reason(self, password: str) -> None:
        with pytest.raises(PasswordBlocked, match="only a name, an address"):
            accept(password)

    @pytest.mark.parametrize(
        "password",
        [
            *(
                "alice eats the cake",
                "watchwordsmith at dawn",
                "my watchword is oak",
                "acmeacmeacm",
            ),
            *("P 8394829183749", "alice🦊🌵🚲🍋🎻🧊🪁🐙🌋🥁", "liddellalice down"),
        ],
    )
    def test_a_name_inside_a_longer_thought_is_no_reason(self, password: str) -> None:
        assert accept(password, minimum=11) == password

    def test_digits_of_a_name_are_part_of_it(self) -> None:
        own = words_of_person(EmailAddress.parse("k1984@acme.example"), "")
        for password in ("k1984k1984k1984", "k1984-1234567"):
            with pytest.raises(PasswordBlocked):
                policy().accept(password, own_words=own | {"k1984-1234567"})

    def test_names_in_every_script_count(self) -> None:
        own = words_of_person(EmailAddress.parse("a@acme.example"), "Łukasz Žižek Ωμέγα")
        for password in ("ŽIŽEKžižekŽIŽEK", "ωμέγα-ΩΜΈΓΑ-ωμέγα", "łukaszŁUKASZ1"):
            with pytest.raises(PasswordBlocked):
                policy().accept(unicodedata.normalize("NFD", password), own_words=own)

    def test_a_person_without_a_name_has_no_empty_word(self) -> None:
        own = words_of_person(EmailAddress.parse("b@acme.example"), "")
        assert policy().accept("!!!!!????!!!!2", own_words=own) == "!!!!!????!!!!2"

    def test_a_host_of_one_label_is_a_word(self) -> None:
        with pytest.raises(PasswordBlocked):
            policy(host="intranet").accept("intranet2024", own_words=())


class TestNoComposition:
    """ASVS 6.2.5."""

    TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=15, max_size=200)

    @given(TEXT)
    def test_whatever_is_long_enough_and_not_listed_passes(self, password: str) -> None:
        normal = unicodedata.normalize("NFC", password)
        assume(len(normal) >= 15 and len(normal.encode()) <= 1_024)
        assume(normal not in Blocklist.embedded())
        assume(not any(word.casefold() in normal.casefold() for word in ("watchword", "acme")))
        strict = PasswordPolicy(15, words_of_service("acme.example"), Blocklist.embedded())
        assert strict.accept(password, own_words=()) == normal

    @pytest.mark.parametrize(
        "password", ["zqxwvjkbfpgh", "ZQXWVJKBFPGH", "740291835562", "¿·¿·?!.,;:-_"]
    )
    def test_one_kind_of_character_is_enough(self, password: str) -> None:
        assert accept(password) == password
