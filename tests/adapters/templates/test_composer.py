"""Mail in words: every reason in every language, with facts of people who mean harm."""

import re
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import watchword.adapters.templates
from watchword.adapters.templates import (
    TemplateComposer,
    TemplateFault,
    TemplatesUnusable,
    find_languages,
)
from watchword.domain.letters import MailRefused, Reason
from watchword.domain.risk import Signal

FOLDER = Path(watchword.adapters.templates.__file__).parent / "mail"
LANGUAGES = sorted(find_languages(None))
LINKED = [
    *(Reason.VERIFY_EMAIL, Reason.ALREADY_REGISTERED, Reason.RESET_PASSWORD, Reason.MAGIC_LINK),
    *(Reason.INVITATION, Reason.CONFIRM_NEW_EMAIL),
]
NOTICES = [reason for reason in Reason if reason not in LINKED]
EVERY = list(product(LANGUAGES, Reason))

FACTS = {
    "service": "Acme",
    "name": "Ada",
    "address": "ada@example.com",
    "link": "https://auth.example.com/go#token=wwl_0123456789",
    "valid_for": "1 hour",
    "browser": "Firefox",
    "system": "Linux",
    "ip": "203.0.113.7",
    "place": "Berlin, Germany",
    "detail": "new@example.com",
    "account_url": "https://auth.example.com/account",
}
AT = 1_795_257_660_000
MADE = {
    "en": {"device": "Firefox on Linux", "time": "21 November 2026, 10:41 UTC"},
    "de": {"device": "Firefox unter Linux", "time": "21. November 2026, 10:41 Uhr UTC"},
}
IF_NOT = {
    "en": "If (this|it) was not you|If you do not know",
    "de": "Wenn nicht Sie das waren|Wenn Sie Acme nicht kennen",
}
HOSTILE = (
    "</p><script>alert(1)</script><img src=x onerror=y> \"' {{ 7*7 }} {% raise %}"
    "\r\nBcc: eve@example.com\u2028\x85\u202eevil\x1b[31m"
)


def refuse(fault: TemplateFault) -> None:
    raise AssertionError(fault)


def composer(language: str = "en") -> TemplateComposer:
    return TemplateComposer(language, None, refuse)


class Page(HTMLParser):
    """The tags of a page, its attributes, and what is read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


PLAIN_TAGS = {"html", "head", "meta", "title", "body", "div", "p", "br", "a"}


@pytest.mark.parametrize(("language", "reason"), EVERY)
class TestEveryMail:
    def test_can_be_written_with_all_facts_and_with_few(
        self, language: str, reason: Reason
    ) -> None:
        few = {"service": "Acme", "link": FACTS["link"]}
        for facts in (FACTS, few):
            mail = composer(language).compose(reason, facts, at=AT, language="")
            assert "Acme" in mail.subject
            assert all((mail.subject, mail.text.strip(), mail.html.strip()))

    def test_i07_has_a_subject_of_one_line(self, language: str, reason: Reason) -> None:
        mail = composer(language).compose(reason, dict.fromkeys(FACTS, HOSTILE), at=AT, language="")
        assert len(mail.subject.splitlines()) == 1
        assert mail.subject.isprintable()

    def test_i07_has_no_line_that_somebody_else_began(self, language: str, reason: Reason) -> None:
        mail = composer(language).compose(reason, dict.fromkeys(FACTS, HOSTILE), at=AT, language="")
        assert not re.search(r"^Bcc", mail.text + mail.html, re.MULTILINE)
        assert all(line.isprintable() for line in mail.text.split("\n"))

    def test_i09_makes_foreign_text_inert(self, language: str, reason: Reason) -> None:
        mail = composer(language).compose(reason, dict.fromkeys(FACTS, HOSTILE), at=AT, language="")
        page = Page(mail.html)
        assert page.tags <= PLAIN_TAGS
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        assert "49" not in mail.text

    def test_loads_nothing_and_tells_nobody(self, language: str, reason: Reason) -> None:
        page = Page(composer(language).compose(reason, FACTS, at=AT, language="").html)
        assert page.tags <= PLAIN_TAGS
        assert {name for name, _ in page.attributes} <= {
            *("lang", "charset", "name", "content", "style", "href")
        }
        assert "url(" not in "".join(value or "" for _, value in page.attributes)

    def test_says_the_same_in_both_forms(self, language: str, reason: Reason) -> None:
        mail = composer(language).compose(reason, FACTS, at=AT, language="")
        page = Page(mail.html)
        words = set(re.findall(r"[\w@.:/#=]+", page.text))
        assert set(re.findall(r"[\w@.:/#=]+", mail.text)) <= words

    def test_says_what_caused_it(self, language: str, reason: Reason) -> None:
        """Whoever invites somebody need not show them where they were."""
        mail = composer(language).compose(reason, FACTS, at=AT, language="")
        shown = reason is not Reason.INVITATION
        facts = FACTS | MADE[language]
        for fact in ("device", "ip", "place", "time"):
            assert (facts[fact] in mail.text) is shown
            assert (facts[fact] in mail.html) is shown

    def test_says_what_to_do_if_it_was_somebody_else(self, language: str, reason: Reason) -> None:
        mail = composer(language).compose(reason, FACTS, at=AT, language="")
        assert re.search(IF_NOT[language], mail.text)
        if reason in NOTICES:
            assert FACTS["account_url"] in mail.text


class TestMailWithALink:
    @pytest.mark.parametrize("reason", LINKED)
    def test_has_it_in_the_text_as_a_button_and_bare(self, reason: Reason) -> None:
        mail = composer().compose(reason, FACTS, at=AT, language="")
        page = Page(mail.html)
        assert FACTS["link"] in mail.text.splitlines()
        assert page.attributes.count(("href", FACTS["link"])) == 2
        assert FACTS["link"] in page.text
        assert "once, and for 1 hour" in mail.text

    @pytest.mark.parametrize("reason", LINKED)
    def test_is_not_written_without_it(self, reason: Reason) -> None:
        with pytest.raises(MailRefused, match="'link' is undefined"):
            composer().compose(reason, {"service": "Acme"}, at=AT, language="")

    @pytest.mark.parametrize("reason", LINKED)
    def test_repeats_no_name_that_anybody_may_have_chosen(self, reason: Reason) -> None:
        """Whoever registers another's address would choose what is written to it."""
        mail = composer().compose(
            reason, {**FACTS, "name": "Call 555-0100 now"}, at=AT, language=""
        )
        assert "555" not in mail.subject + mail.text + mail.html

    @pytest.mark.parametrize("reason", NOTICES)
    def test_is_only_what_says_so(self, reason: Reason) -> None:
        facts = {name: fact for name, fact in FACTS.items() if name != "link"}
        assert composer().compose(reason, facts, at=AT, language="").text


@given(st.text(max_size=80))
def test_i09_whatever_a_name_is_it_is_only_read(name: str) -> None:
    mail = composer().compose(
        Reason.NEW_DEVICE, {"service": "Acme", "name": name}, at=AT, language=""
    )
    assert Page(mail.html).tags <= PLAIN_TAGS
    assert len(mail.text.splitlines()) == len(mail.text.split("\n")) - 1


class Told(list[TemplateFault]):
    pass


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / "mail" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def over(folder: Path, told: Told | None = None, language: str = "en") -> TemplateComposer:
    return TemplateComposer(language, folder, refuse if told is None else told.append)


class TestTheOperatorsFolder:
    def test_wins_file_by_file(self, tmp_path: Path) -> None:
        put(tmp_path, "en/magic_link.subject.txt", "Come in, {{ name }}\n")
        mail = over(tmp_path).compose(Reason.MAGIC_LINK, FACTS, at=AT, language="")
        assert mail.subject == "Come in, Ada"
        assert mail.text == composer().compose(Reason.MAGIC_LINK, FACTS, at=AT, language="").text

    def test_changes_all_mail_by_one_layout(self, tmp_path: Path) -> None:
        put(tmp_path, "en/layout.html", "<h1>Ours</h1>{% block message %}{% endblock %}")
        over(tmp_path).check()
        for reason in Reason:
            assert (
                over(tmp_path)
                .compose(reason, FACTS, at=AT, language="")
                .html.startswith("<h1>Ours</h1>")
            )

    def test_i09_is_escaped_like_ours(self, tmp_path: Path) -> None:
        put(tmp_path, "en/new_device.html", "<p>{{ name }}</p>")
        mail = over(tmp_path).compose(
            Reason.NEW_DEVICE, {**FACTS, "name": "<b>"}, at=AT, language=""
        )
        assert mail.html == "<p>&lt;b&gt;</p>\n"


BROKEN = [
    ("{{ nmae }}", "line 1: 'nmae' is undefined"),
    ("a\n{% if %}", "line 2: "),
    ("{% extends 'absent.txt' %}", "absent.txt: it is missing"),
    ("{{ ''.__class__.__mro__ }}", "unsafe"),
    ("{{ 1 / 0 }}", "division by zero"),
    ("  \n", "it must make some text"),
]


class TestABrokenTemplate:
    @pytest.mark.parametrize(("text", "problem"), BROKEN)
    def test_is_named_at_the_start(self, text: str, problem: str, tmp_path: Path) -> None:
        path = put(tmp_path, "en/new_device.txt", text)
        with pytest.raises(TemplatesUnusable) as caught:
            over(tmp_path).check()
        assert problem in str(caught.value)
        assert str(path.parent) in str(caught.value)

    @pytest.mark.parametrize(("text", "_problem"), BROKEN)
    def test_gives_way_to_ours_later_on(self, text: str, _problem: str, tmp_path: Path) -> None:
        put(tmp_path, "en/new_device.txt", text)
        told = Told()
        mail = over(tmp_path, told).compose(Reason.NEW_DEVICE, FACTS, at=AT, language="")
        assert mail == composer().compose(Reason.NEW_DEVICE, FACTS, at=AT, language="")
        assert [fault.file.split(",")[0].rpartition("/")[2] for fault in told] in (
            ["new_device.txt"],
            ["absent.txt"],
        )

    def test_of_a_subject_is_one_of_two_lines(self, tmp_path: Path) -> None:
        put(tmp_path, "en/new_device.subject.txt", "One\nTwo")
        with pytest.raises(TemplatesUnusable, match="one line of text"):
            over(tmp_path).check()

    def test_that_is_not_text_is_named(self, tmp_path: Path) -> None:
        path = put(tmp_path, "en/new_device.txt", "")
        path.write_bytes(b"\xff\xfe")
        with pytest.raises(TemplatesUnusable, match=r"new_device\.txt"):
            over(tmp_path).check()

    def test_does_not_hide_another(self, tmp_path: Path) -> None:
        put(tmp_path, "en/new_device.txt", "{{ a }}")
        put(tmp_path, "en/magic_link.html", "{{ b }}")
        with pytest.raises(TemplatesUnusable, match=r"(?s)magic_link\.html.*new_device\.txt"):
            over(tmp_path).check()

    def test_may_be_of_a_language_that_is_not_there(self) -> None:
        with pytest.raises(TemplatesUnusable, match=r"mail/languages/xx\.toml: it is missing"):
            TemplateComposer("xx", None, refuse).check()

    def test_may_be_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(TemplatesUnusable, match="there is no such folder"):
            over(tmp_path / "absent").check()


def test_ours_are_whole() -> None:
    for language in LANGUAGES:
        composer(language).check()


KNOWN = {*FACTS, *MADE["en"], "language"} - {"browser", "system"}


def test_the_documentation_tells_of_every_reason_and_every_fact() -> None:
    text = (Path(__file__).parents[3] / "docs" / "mail.md").read_text("utf-8")
    assert [name for name in (*Reason, *KNOWN) if f"`{name}`" not in text] == []


@pytest.mark.parametrize("signal", Signal)
def test_an_unusual_sign_in_is_told_with_what_was_unusual(signal: Signal) -> None:
    plain = composer().compose(Reason.UNUSUAL_SIGN_IN, {**FACTS, "detail": ""}, at=AT, language="")
    told = composer().compose(
        Reason.UNUSUAL_SIGN_IN, {**FACTS, "detail": signal.value}, at=AT, language=""
    )
    assert len(told.text.splitlines()) == len(plain.text.splitlines()) + 1
    assert told.html != plain.html
    assert told.subject == plain.subject == "Unusual sign-in at Acme"


def test_a_refused_sign_in_is_not_told_as_one() -> None:
    told = composer().compose(
        Reason.UNUSUAL_SIGN_IN, {**FACTS, "detail": "refused new_country"}, at=AT, language=""
    )
    assert told.subject == "A sign-in at Acme was refused"
    assert "was refused" in told.text
    assert "Somebody signed in" not in told.text
