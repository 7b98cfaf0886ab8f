import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.crypto.passkeys import PasskeyUse
from watchword.domain.errors import Invalid, LastCredential
from watchword.domain.factors import (
    ONE_TIME_CODE,
    PASSKEY_NAME_LIMIT,
    PASSWORD,
    Passkey,
    Totp,
    WaysIn,
    combined,
    is_multi_factor,
    name_passkey,
    passkey_methods,
    user_handle,
)

UNKNOWN = "00000000-0000-0000-0000-000000000000"
VERIFIED = passkey_methods(backup_eligible=False, user_verified=True)
TOUCHED = passkey_methods(backup_eligible=False, user_verified=False)
SYNCED = passkey_methods(backup_eligible=True, user_verified=True)

PASSKEY = Passkey(
    id="p1",
    user_id="0" * 32,
    name="Phone",
    credential_id=b"c",
    public_key=b"k",
    sign_count=5,
    aaguid=UNKNOWN,
    transports=("internal",),
    backup_eligible=True,
    backed_up=False,
    created_at=1_000,
)


class TestWhatAProofIsWorth:
    def test_a_passkey_that_verified_its_person_is_two_factors(self) -> None:
        assert VERIFIED == ("hwk", "user", "mfa")
        assert SYNCED == ("swk", "user", "mfa")
        assert is_multi_factor(VERIFIED)

    def test_w03_one_that_did_not_is_a_single_factor(self) -> None:
        assert TOUCHED == ("hwk", "user")
        assert not is_multi_factor(TOUCHED)

    @pytest.mark.parametrize("second", [ONE_TIME_CODE, TOUCHED], ids=str)
    def test_a_password_with_something_held_is_two(self, second: tuple[str, ...]) -> None:
        assert combined(PASSWORD, second) == ("pwd", *second, "mfa")
        assert is_multi_factor(combined(second, PASSWORD))

    @pytest.mark.parametrize(
        "proofs",
        [
            (),
            (PASSWORD,),
            (PASSWORD, PASSWORD),
            (ONE_TIME_CODE,),
            (ONE_TIME_CODE, ONE_TIME_CODE),
            (ONE_TIME_CODE, TOUCHED),
        ],
        ids=str,
    )
    def test_a08_twice_the_same_kind_is_one(self, proofs: tuple[tuple[str, ...], ...]) -> None:
        assert not is_multi_factor(combined(*proofs))

    def test_proofs_add_up_and_are_named_once(self) -> None:
        first = combined(PASSWORD, ONE_TIME_CODE)
        assert combined(first, PASSWORD) == first == ("pwd", "otp", "mfa")
        assert combined(PASSWORD, VERIFIED) == ("pwd", "hwk", "user", "mfa")

    @given(st.lists(st.sampled_from([PASSWORD, ONE_TIME_CODE, TOUCHED, VERIFIED, SYNCED])))
    def test_the_methods_of_a_session_fit_into_its_token(
        self, proofs: list[tuple[str, ...]]
    ) -> None:
        methods = combined(*proofs)
        assert len(methods) == len(set(methods)) <= 8


class TestTotp:
    APP = Totp(user_id="u", sealed_secret=b"sealed", last_step=100, created_at=1)

    def test_b10_a_step_and_all_before_it_are_burnt(self) -> None:
        assert [self.APP.accepts(step) for step in (99, 100, 101)] == [False, False, True]

    def test_guards_nothing_before_a_code_has_confirmed_it(self) -> None:
        assert not self.APP.is_active

    def test_does_not_show_its_secret(self) -> None:
        assert "sealed'" not in repr(self.APP)


class TestAPasskey:
    @pytest.mark.parametrize(("told", "kept"), [(6, 6), (5, 5), (0, 5)])
    def test_w06_its_counter_never_goes_back(self, told: int, kept: int) -> None:
        use = PasskeyUse(
            b"c", told, user_verified=True, backed_up=True, counter_regressed=told <= 5
        )
        after = PASSKEY.used(use, 2_000)
        assert (after.sign_count, after.backed_up, after.last_used_at) == (kept, True, 2_000)

    def test_w05_is_verified_as_its_owners(self) -> None:
        known = PASSKEY.credential
        assert known.user_handle == user_handle(PASSKEY.user_id) == b"0" * 32
        assert (known.credential_id, known.public_key, known.sign_count) == (b"c", b"k", 5)
        assert known.backup_eligible
        assert PASSKEY.descriptor.to_json() == {
            "type": "public-key",
            "id": "Yw",
            "transports": ["internal"],
        }


class TestItsName:
    @pytest.mark.parametrize(
        ("raw", "aaguid", "name"),
        [
            (" My  key ", UNKNOWN, "My  key"),
            ("Schlu\u0308ssel", UNKNOWN, "Schlüssel"),
            (None, UNKNOWN, "Passkey"),
            ("   ", UNKNOWN, "Passkey"),
            (None, "fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "iCloud Keychain"),
            ("x" * PASSKEY_NAME_LIMIT, UNKNOWN, "x" * PASSKEY_NAME_LIMIT),
        ],
    )
    def test_is_the_persons_else_the_models(self, raw: str | None, aaguid: str, name: str) -> None:
        assert name_passkey(raw, aaguid=aaguid) == name

    @pytest.mark.parametrize("raw", ["x" * 65, "a\nb", "\x1b[31m", "\u202eevil", "\ud800", "\x00"])
    def test_i08_cannot_break_a_line_or_turn_it_round(self, raw: str) -> None:
        with pytest.raises(Invalid):
            name_passkey(raw, aaguid=UNKNOWN)


def ways(*, has_password: bool = False, passkeys: int = 0, identities: int = 0) -> WaysIn:
    return WaysIn(has_password=has_password, passkeys=passkeys, identities=identities)


class TestTheLastWayIn:
    @pytest.mark.parametrize(
        "left", [ways(has_password=True), ways(passkeys=1), ways(identities=1)]
    )
    def test_one_of_whatever_kind_is_enough(self, left: WaysIn) -> None:
        left.require_one()

    def test_w09_o13_is_not_given_up(self) -> None:
        with pytest.raises(LastCredential) as refused:
            ways().require_one()
        assert refused.value.code == "LAST_CREDENTIAL"
