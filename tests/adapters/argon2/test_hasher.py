import re
import unicodedata
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from argon2.low_level import Type, verify_secret
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watchword.adapters.argon2 import Argon2Hasher, Argon2Parameters, HashingPool, is_supported
from watchword.adapters.argon2 import hasher as module
from watchword.domain.errors import Busy, WrongPassword
from watchword.domain.passwords import normalise
from watchword.ports import Hasher, HashState

PASSWORD = "violet teapot 7 moons"
CHEAP = Argon2Parameters.for_tests()
DEARER = Argon2Parameters(memory=16, passes=1, lanes=1)

OTHER_KINDS = {
    "argon2i": PasswordHasher(1, 8, 1, type=Type.I).hash(PASSWORD),
    "argon2d": PasswordHasher(1, 8, 1, type=Type.D).hash(PASSWORD),
    "other costs": PasswordHasher(2, 8, 1).hash(PASSWORD),
    "more lanes": PasswordHasher(1, 16, 2).hash(PASSWORD),
    "bcrypt": "$2b$04$4tryXVJTDpIHS692oKuDfet7UFAEZ8yvUmIHvZZkvdj2EGdEf3KSe",
}

UNREADABLE = [
    *("", "x", "$argon2id$", "plain text", "$2b$04$tooshort", "\x00", "é" * 60, "$" * 200),
    "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$",
    "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 21,
    "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAA$" + "A" * 45,  # no base64 has such a length
    "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 42 + "B",  # spare bits
    "$argon2id$v=18$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43,
    "$argon2id$v=19$m=8,t=1,p=1,keyid=A$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43,
    "$argon2id$v=19$m=4,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43,
    "$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43,
    "$argon2id$v=19$m=262144,t=5,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43,
    "$argon2id$v=19$m=8192,t=1,p=1024$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43,
    "$argon2id$v=19$m=8,t=9999999999,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43,
]


class Starts:
    """A `PoolObserver` that counts pieces of work."""

    def __init__(self) -> None:
        self.count = 0

    def waited(self, seconds: float) -> None:
        self.count += 1

    def refused(self) -> None:
        pass


@pytest.fixture
def starts() -> Starts:
    return Starts()


@pytest.fixture
def pool(starts: Starts) -> Iterator[HashingPool]:
    pool = HashingPool(threads=1, queue_limit=8, deadline=600_000, observer=starts)
    yield pool
    pool.close()


@pytest.fixture
def hasher(pool: HashingPool) -> Hasher:
    return Argon2Hasher(CHEAP, pool)


@pytest.fixture
def argon2_work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The costs of every Argon2 computation that a verification really does."""
    done: list[str] = []

    def counted(encoded: bytes, password: bytes, kind: Type) -> bool:
        found = re.search(rb"m=\d+,t=\d+,p=\d+", encoded)
        assert found
        done.append(found[0].decode())
        return verify_secret(encoded, password, kind)

    monkeypatch.setattr(module, "verify_secret", counted)
    return done


class TestHashing:
    async def test_a_hash_is_verified_as_current(self, hasher: Hasher) -> None:
        encoded = await hasher.hash(PASSWORD)
        assert await hasher.verify(PASSWORD, encoded) is HashState.CURRENT

    async def test_the_stored_form_says_its_parameters(self, pool: HashingPool) -> None:
        """ASVS 11.4.2: a salt of 16 bytes and a digest of 32."""
        encoded = await Argon2Hasher(DEARER, pool).hash(PASSWORD)
        assert re.fullmatch(
            r"\$argon2id\$v=19\$m=16,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", encoded
        )

    async def test_one_password_is_never_hashed_alike_twice(self, hasher: Hasher) -> None:
        assert await hasher.hash(PASSWORD) != await hasher.hash(PASSWORD)

    async def test_both_unicode_forms_verify(self, hasher: Hasher) -> None:
        composed = "crème brûlée für Zoë"
        decomposed = unicodedata.normalize("NFD", composed)
        for first, second in ((composed, decomposed), (decomposed, composed)):
            encoded = await hasher.hash(normalise(first))
            assert await hasher.verify(normalise(second), encoded) is HashState.CURRENT

    @pytest.mark.parametrize("other", ["{} ", " {}", "{}x", "{}\u200b", "{}\u00a0"], ids=ascii)
    async def test_every_character_counts(self, hasher: Hasher, other: str) -> None:
        """ASVS 6.2.8."""
        encoded = await hasher.hash(PASSWORD)
        with pytest.raises(WrongPassword):
            await hasher.verify(other.format(PASSWORD), encoded)

    @pytest.mark.parametrize("length", [73, 128, 1_024])
    async def test_the_last_byte_and_its_case_count(self, hasher: Hasher, length: int) -> None:
        """ASVS 6.2.8: the 73rd byte, where bcrypt stopped reading."""
        password = (PASSWORD * 50)[: length - 1] + "k"
        encoded = await hasher.hash(password)
        for wrong in (password[:-1], password[:-1] + "K", password[:-1] + "j"):
            with pytest.raises(WrongPassword):
                await hasher.verify(wrong, encoded)
        assert await hasher.verify(password, encoded) is HashState.CURRENT

    async def test_a_full_queue_is_busy_for_hash_and_verify(
        self, hasher: Hasher, pool: HashingPool
    ) -> None:
        encoded = await hasher.hash(PASSWORD)
        pool.close()
        with pytest.raises(Busy):
            await hasher.hash(PASSWORD)
        for stored in (encoded, None):
            with pytest.raises(Busy):
                await hasher.verify(PASSWORD, stored)


class TestMovingOn:
    async def test_raised_parameters_make_a_hash_outdated(self, pool: HashingPool) -> None:
        old, new = Argon2Hasher(CHEAP, pool), Argon2Hasher(DEARER, pool)
        encoded = await old.hash(PASSWORD)
        assert await new.verify(PASSWORD, encoded) is HashState.OUTDATED
        assert await new.verify(PASSWORD, await new.hash(PASSWORD)) is HashState.CURRENT
        with pytest.raises(WrongPassword):
            await new.verify(PASSWORD + "!", encoded)

    @pytest.mark.parametrize("encoded", OTHER_KINDS.values(), ids=OTHER_KINDS.keys())
    async def test_every_other_kind_is_outdated(self, hasher: Hasher, encoded: str) -> None:
        assert is_supported(encoded)
        assert await hasher.verify(PASSWORD, encoded) is HashState.OUTDATED
        with pytest.raises(WrongPassword):
            await hasher.verify(PASSWORD.upper(), encoded)


class TestTheSameWork:
    """E02: whoever asks cannot tell from the work whether the account is there."""

    async def test_e02_unknown_and_wrong_cost_one_equal_hash(
        self, hasher: Hasher, starts: Starts, argon2_work: list[str]
    ) -> None:
        encoded = await hasher.hash(PASSWORD)
        before = starts.count
        for stored in (encoded, None):
            with pytest.raises(WrongPassword):
                await hasher.verify("not the password", stored)
        assert starts.count - before == 2
        assert argon2_work == ["m=8,t=1,p=1"] * 2

    @pytest.mark.parametrize("encoded", UNREADABLE)
    async def test_e02_a_hash_that_cannot_be_read_costs_the_same_and_is_a_mismatch(
        self, hasher: Hasher, argon2_work: list[str], encoded: str
    ) -> None:
        with pytest.raises(WrongPassword):
            await hasher.verify(PASSWORD, encoded)
        assert argon2_work[-1] == "m=8,t=1,p=1"

    async def test_the_dummy_follows_the_parameters(
        self, pool: HashingPool, argon2_work: list[str]
    ) -> None:
        with pytest.raises(WrongPassword):
            await Argon2Hasher(DEARER, pool).verify(PASSWORD, None)
        assert argon2_work == ["m=16,t=1,p=1"]

    async def test_no_password_opens_the_dummy(
        self, hasher: Hasher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not even if the computation said yes."""
        monkeypatch.setattr(module, "verify_secret", lambda *_: True)
        with pytest.raises(WrongPassword):
            await hasher.verify(PASSWORD, None)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    @given(
        st.one_of(
            st.text(max_size=120),
            st.from_regex(r"\$(2b|argon2id|scrypt|pbkdf2-sha256)\$.{0,80}", fullmatch=True),
            st.from_regex(
                r"\$argon2(id|i|d)\$v=(16|19)\$m=\d\d?,t=[12],p=[0-4]\$[\w+/]{10,24}\$[\w+/]{20,88}",
                fullmatch=True,
            ),
        )
    )
    async def test_no_stored_text_is_more_than_a_mismatch(
        self, hasher: Hasher, stored: str
    ) -> None:
        with pytest.raises(WrongPassword):
            await hasher.verify(PASSWORD, stored)


class TestWhatAnImporterMayTake:
    @pytest.mark.parametrize("encoded", UNREADABLE)
    def test_what_cannot_be_verified_is_not_supported(self, encoded: str) -> None:
        assert not is_supported(encoded)

    async def test_our_own_hashes_are_supported(self, hasher: Hasher) -> None:
        assert is_supported(await hasher.hash(PASSWORD))


class TestParameters:
    @pytest.mark.parametrize(
        "text",
        [
            *("argon2id,m=19456,t=2,p=1", "argon2id,m=47104,t=1,p=1", "argon2id,m=12288,t=3,p=1"),
            *("argon2id,m=7168,t=5,p=1", "argon2id,m=7168,t=9,p=1", "argon2id,m=65536,t=3,p=4"),
            "argon2id,m=262144,t=4,p=8",
        ],
    )
    def test_what_owasp_asks_for_and_more_is_taken(self, text: str) -> None:
        """ASVS 11.4.2."""
        parameters = Argon2Parameters.parse(text)
        assert text == (
            f"argon2id,m={parameters.memory},t={parameters.passes},p={parameters.lanes}"
        )

    @pytest.mark.parametrize(
        ("text", "least"),
        [
            ("argon2id,m=19455,t=2,p=1", 19_456),
            ("argon2id,m=19456,t=1,p=1", 47_104),
            ("argon2id,m=12287,t=3,p=1", 12_288),
            ("argon2id,m=7167,t=5,p=1", 7_168),
            ("argon2id,m=7167,t=99,p=1", 7_168),
            ("argon2id,m=8,t=1,p=1", 47_104),
        ],
    )
    def test_less_than_owasp_asks_for_is_refused_with_what_is_needed(
        self, text: str, least: int
    ) -> None:
        with pytest.raises(ValueError, match=f"needs m={least}"):
            Argon2Parameters.parse(text)

    @pytest.mark.parametrize(
        "text",
        [
            *("", "argon2id", "argon2i,m=19456,t=2,p=1", "m=19456,t=2,p=1", "bcrypt,12"),
            *("argon2id,m=19456,t=2", "argon2id,t=2,m=19456,p=1", "argon2id, m=19456, t=2, p=1"),
            *("argon2id,m=-1,t=2,p=1", "argon2id,m=19456,t=2,p=1\n", "argon2id,m=19456,t=0,p=1"),
        ],
    )
    def test_what_is_not_the_form_is_refused_with_the_form(self, text: str) -> None:
        with pytest.raises(ValueError, match='"argon2id,m=19456,t=2,p=1"'):
            Argon2Parameters.parse(text)

    @pytest.mark.parametrize(
        "text",
        [
            *("argon2id,m=262145,t=2,p=1", "argon2id,m=262144,t=5,p=1"),
            *("argon2id,m=19456,t=9999,p=1", "argon2id,m=19456,t=2,p=17"),
        ],
    )
    def test_what_no_stored_hash_may_cost_cannot_be_configured(self, text: str) -> None:
        with pytest.raises(ValueError, match="Argon2"):
            Argon2Parameters.parse(text)
