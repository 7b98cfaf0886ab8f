import pytest

from watchword.domain.errors import Malformed
from watchword.web.cookies import CookieNames, read_cookies

OWNED = frozenset({b"session", b"device"})
HTTP, HTTPS = CookieNames(is_https=False), CookieNames(is_https=True)


class TestReading:
    @pytest.mark.parametrize(
        ("lines", "found"),
        [
            ([], {}),
            ([b""], {}),
            ([b";;  ; \t;"], {}),
            ([b"session=a"], {b"session": "a"}),
            ([b" \tsession=a\t "], {b"session": "a"}),
            ([b"x=1;session=a;y=2"], {b"session": "a"}),
            ([b"session=a; device=b"], {b"session": "a", b"device": "b"}),
            ([b"session=a", b"device=b"], {b"session": "a", b"device": "b"}),
            ([b"session="], {b"session": ""}),
            ([b"session=a=b=="], {b"session": "a=b=="}),
            ([b"session= a"], {b"session": " a"}),
            ([b'session="a"'], {b"session": '"a"'}),
            ([b"session=\xe9"], {b"session": "\u00e9"}),
        ],
    )
    def test_a_cookie_is_its_exact_name_and_its_exact_value(
        self, lines: list[bytes], found: dict[bytes, str]
    ) -> None:
        assert read_cookies(lines, OWNED) == found

    @pytest.mark.parametrize(
        "line",
        [
            b"session",
            b"=session=a",
            b"=a",
            b"Session=a",
            b"SESSION=a",
            b"session =a",
            b"\xa0session=a",
            b"\x85session=a",
            b"\xe2\x80\x80session=a",
            b"\x0bsession=a",
            b"\nsession=a",
            b"x,session=a",
            b"__Host-session=a",
        ],
    )
    def test_s03_what_only_looks_like_the_name_is_another_cookie(self, line: bytes) -> None:
        assert read_cookies([line], OWNED) == {}

    @pytest.mark.parametrize(
        "lines",
        [
            [b"session=a; session=a"],
            [b"session=a;session="],
            [b"session=a", b"session=b"],
            [b"session=a; x=1; \t session=b"],
        ],
    )
    def test_s02_a_second_one_of_a_name_we_own_is_malformed(self, lines: list[bytes]) -> None:
        with pytest.raises(Malformed):
            read_cookies(lines, OWNED)

    def test_s02_others_may_come_as_often_as_they_like(self) -> None:
        assert read_cookies([b"x=1; x=2; session=a; x=3"], OWNED) == {b"session": "a"}


class TestWriting:
    def test_on_http_the_names_are_plain(self) -> None:
        assert HTTP.owned == {b"refreshToken", b"session", b"device", b"magicLink", b"federation"}

    def test_on_https_the_names_are_bound_to_the_host(self) -> None:
        assert HTTPS.owned == {b"__Host-" + name for name in HTTP.owned}

    def test_s04_a_cookie_that_is_kept(self) -> None:
        line = HTTPS.set(HTTPS.refresh, "a.b", strict=True, lifetime=1_999)
        assert line == (
            b"__Host-refreshToken=a.b; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=1"
        )

    def test_s04_a_cookie_for_as_long_as_the_browser_is_open(self) -> None:
        line = HTTP.set(HTTP.session, "a", strict=False, lifetime=None)
        assert line == b"session=a; Path=/; HttpOnly; SameSite=Lax"

    def test_a_cookie_is_taken_back_with_the_attributes_that_it_was_set_with(self) -> None:
        kept = HTTPS.set(HTTPS.session, "a", strict=False, lifetime=9_000)
        cleared = HTTPS.clear(HTTPS.session, strict=False)
        assert cleared == kept.replace(b"=a;", b"=;").replace(b"Max-Age=9", b"Max-Age=0")
