"""A browser that comes back stays on this site, however the way is spelled."""

import pytest

from watchword.domain.errors import Invalid
from watchword.web.return_to import LONGEST, require_on_site

STAYING = [
    *("/", "/account", "/a/b/c.html", "/?next=1", "/#part", "/a?b=c&d=/e//f#g"),
    *("/caf%C3%A9", "/a%20b", "/go?u=https%3A%2F%2Fexample.com", "/@ada", "/100%", "/a:b"),
]
LEAVING = [
    *("", "account", "?a", "#a", "https://evil.example", "https:evil.example", "http:/evil"),
    *("//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "\\/evil"),
    *("/\\/evil.example", "/a//b", "/a\\b", "/.//evil.example", "@evil.example", "evil.example"),
    *("javascript:alert(1)", "data:text/html,x", "/\t/evil.example", "/\n/evil", "\t//evil"),
    *(" /a", "/a b", "/\x00", "/\x7f", "/é", "\u2044/evil", "/\u202e", "\ufeff/a"),
    *("/%2fevil.example", "/%2F%2Fevil.example", "/%5cevil.example", "/%5C%5Cevil", "%2f%2fevil"),
    *(
        "/%252fevil.example",
        "/%25252fevil.example",
        "/%255cevil",
        "/%09/evil",
        "/%0d%0aSet-Cookie:a",
    ),
    *("/%0d%0a", "/%00", "/a?b=%0d%0ac", "/a?b=%250d%250ac", "/%c2%85"),
    "/%" + "25" * 20 + "2fevil.example",
    "/" + "a" * LONGEST,
]


@pytest.mark.parametrize("path", STAYING)
def test_a_path_of_this_site_is_kept_as_it_is(path: str) -> None:
    assert require_on_site(path) == path


@pytest.mark.parametrize("path", LEAVING)
def test_o09_nothing_else_is_gone_to(path: str) -> None:
    with pytest.raises(Invalid) as caught:
        require_on_site(path)
    assert [error.field for error in caught.value.errors] == ["returnTo"]
