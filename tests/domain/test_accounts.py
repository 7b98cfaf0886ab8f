import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from watchword.domain.accounts import NAME_LIMIT, Account, EmailAddress, Status, parse_name
from watchword.domain.errors import AccountDisabled, Invalid

KELVIN, LONG_S, DOTLESS_I = "\u212a", "\u017f", "\u0131"


def key(raw: str) -> str:
    return EmailAddress.parse(raw).key


def account(status: Status = Status.ACTIVE) -> Account:
    return Account(
        id="u-1",
        email=EmailAddress.parse("ada@example.com"),
        name="Ada",
        role="user",
        status=status,
        email_verified=False,
        mfa_enabled=False,
        password_hash="$argon2id$secret",
        created_at=0,
    )


class TestOneAddressInItsSpellings:
    @pytest.mark.parametrize(
        "spelled",
        [
            "ada@example.com",
            "Ada@Example.COM",
            " ada@example.com\t",
            "ada@example.com.",
            "ada@example.com..",
            "ada@\uff45xample.com",
            "ada@example。com",
        ],
    )
    def test_b03_has_one_key(self, spelled: str) -> None:
        assert key(spelled) == "ada@example.com"

    def test_b03_composed_and_decomposed_letters_are_one(self) -> None:
        assert key("zo\u00eb@example.com") == key("zoe\u0308@example.com") == key("ZOË@example.com")

    def test_b03_a_domain_and_its_ascii_form_are_one(self) -> None:
        assert key("ada@MÜNCHEN.example.de") == key("ada@xn--mnchen-3ya.example.de")

    def test_is_shown_as_it_was_typed_with_its_domain_lowered(self) -> None:
        assert EmailAddress.parse(" Ada.L@Example.COM ").text == "Ada.L@example.com"

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("a.da@example.com", "ada@example.com"),
            ("ada+x@example.com", "ada@example.com"),
            ("stra\u00dfe@example.com", "strasse@example.com"),
            (f"m{DOTLESS_I}ke@example.com", "mike@example.com"),
            ("ada@ex\u0430mple.com", "ada@example.com"),
        ],
    )
    def test_p10_is_not_merged_with_another_mailbox(self, one: str, other: str) -> None:
        assert key(one) != key(other)

    @given(st.emails())
    def test_has_a_key_that_is_its_own_key(self, raw: str) -> None:
        try:
            address = EmailAddress.parse(raw)
        except Invalid:
            return
        assert EmailAddress.parse(address.text) == address
        assert key(address.key) == address.key


class TestAnOrdinaryAddress:
    """Is taken without asking the validator, which would have said the same."""

    PARTS = ("a", "info", "x-y", "xn", "--", "-", "_", "+", ".", "..", "test", "local", "arpa")
    NEAR = st.lists(st.sampled_from((*PARTS, "@", "com", "1", "A", "a" * 63, "a" * 64))).map(
        "".join
    )

    @given(st.tuples(NEAR, NEAR).map("@".join))
    @example("a@b.test")
    @example("a@test.com")
    @example("a@latest")
    @example("a@b.latest")
    @example("a@xn--mnchen-3ya.de")
    @example("a@ab--cd.com")
    @example("a@b.c1")
    @example("a@b.com\n")
    @example("info@" + ".".join(["a" * 63] * 3) + ".com")
    def test_is_what_the_validator_says_it_is(self, raw: str) -> None:
        try:
            address = EmailAddress.parse(raw)
        except Invalid:
            address = None
        assert address == self.validated(raw)

    def validated(self, raw: str) -> EmailAddress | None:
        """An address in ASCII as the validator alone tells it."""
        text = raw.strip(" \t").rstrip(".")
        try:
            valid = validate_email(text, check_deliverability=False)
        except EmailNotValidError:
            return None
        domain = (valid.ascii_domain or valid.domain).lower()
        return EmailAddress(f"{valid.local_part}@{domain}", f"{valid.local_part.lower()}@{domain}")


class TestWhatIsNoAddress:
    @pytest.mark.parametrize(
        "disguised",
        [
            f"{KELVIN}ate@example.com",
            f"{LONG_S}am@example.com",
            "\uff41da@example.com",
            "ﬁn@example.com",
            "\u00aada@example.com",
            "①@example.com",
            "\u2000ada@example.com",
        ],
    )
    def test_p10_letters_dressed_as_ascii_are_refused(self, disguised: str) -> None:
        with pytest.raises(Invalid, match="look-alike"):
            EmailAddress.parse(disguised)

    @pytest.mark.parametrize(
        "hostile",
        [
            "v@example.com,u@example.com",
            "v@example.com;u@example.com",
            "v@example.com u@example.com",
            "v@x%0aBcc:u@example.com",
            "v@example.com\nBcc: u@example.com",
            "v@example.com\r\n",
            "Ada <ada@example.com>",
            "<ada@example.com>",
            '"a b"@example.com',
            '["v@example.com"]',
            "a@b@example.com",
        ],
    )
    def test_p09_more_than_one_address_is_none(self, hostile: str) -> None:
        with pytest.raises(Invalid):
            EmailAddress.parse(hostile)

    @pytest.mark.parametrize(
        "odd",
        [
            "",
            " ",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "ada@[127.0.0.1]",
            "ada@-x.com",
            "ada..l@example.com",
            ".ada@example.com",
            "ada@exam ple.com",
            "\u200bada@example.com",
            "x" * 250 + "@example.com",
        ],
    )
    def test_is_refused_with_the_field_that_held_it(self, odd: str) -> None:
        with pytest.raises(Invalid) as refused:
            EmailAddress.parse(odd, field="newEmail")
        assert [error.field for error in refused.value.errors] == ["newEmail"]

    @pytest.mark.parametrize("odd", ["ada@example.com\x00", "\udc80@example.com", "\x1bada@x.org"])
    def test_i01_control_characters_and_broken_text_are_refused(self, odd: str) -> None:
        with pytest.raises(Invalid):
            EmailAddress.parse(odd)

    @given(st.text(max_size=300))
    def test_i01_any_text_is_an_address_or_a_refusal(self, text: str) -> None:
        try:
            address = EmailAddress.parse(text)
        except Invalid:
            return
        assert address.key.count("@") == 1
        assert address.key.isprintable()


class TestAName:
    def test_is_composed_and_trimmed(self) -> None:
        assert parse_name("  Zoe\u0308 Ångström ") == "Zoë Ångström"

    def test_may_be_missing(self) -> None:
        assert parse_name("") == ""

    @pytest.mark.parametrize("odd", ["a\x00b", "a\nb", "\x1b[2J", "a\x85b", "\udc80", "a\u202eb"])
    def test_i01_holds_no_control_or_reversing_characters(self, odd: str) -> None:
        with pytest.raises(Invalid) as refused:
            parse_name(odd)
        assert refused.value.errors[0].field == "name"

    def test_has_a_length_in_characters_after_composing(self) -> None:
        assert len(parse_name("e\u0308" * NAME_LIMIT)) == NAME_LIMIT
        with pytest.raises(Invalid, match="200"):
            parse_name("x" * (NAME_LIMIT + 1))

    def test_i12_that_is_far_too_long_is_refused_before_it_is_composed(self) -> None:
        with pytest.raises(Invalid):
            parse_name("\u0308" * 1_000_000)


class TestAnAccount:
    def test_that_is_active_may_sign_in(self) -> None:
        account().require_active()

    def test_that_is_disabled_may_not(self) -> None:
        with pytest.raises(AccountDisabled):
            account(Status.DISABLED).require_active()

    def test_shows_neither_its_address_nor_its_hash(self) -> None:
        assert "ada" not in repr(account()).lower()
        assert "argon2id" not in repr(account())


class TestLettersOfTheirOwn:
    def test_p10_a_sharp_s_is_no_double_s(self) -> None:
        sharp, double = (
            EmailAddress.parse(f"{name}@example.com") for name in ("straße", "strasse")
        )
        assert sharp.key != double.key
