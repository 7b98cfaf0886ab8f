"""Mail in other words: German is whole, an operator's language need not be, and no mail is lost."""

import re
import tomllib
from email import message_from_bytes
from pathlib import Path

import pytest

from watchword.adapters.email_message import MessageWriter
from watchword.adapters.templates import TemplateComposer, TemplateFault, find_languages
from watchword.adapters.templates.words import OURS, Words, read_words
from watchword.domain.letters import Reason
from watchword.domain.mail import Mailbox
from watchword.domain.time import DAY, HOUR, MINUTE, Span
from watchword.flows import correspondence
from watchword.ports.mail import Composed, Mail
from watchword.testing import FakeClock

GERMAN = tomllib.loads((OURS / "languages" / "de.toml").read_text("utf-8"))
TEMPLATES = sorted(file for file in OURS.iterdir() if file.suffix in {".html", ".txt"})
SAID = re.compile(r"""say\((?:"([^"]*)"|'([^']*)')""")
FACTS = {"service": "Acme", "link": "https://auth.example.com", "name": "Ada"}


def refuse(fault: TemplateFault) -> None:
    raise AssertionError(fault)


def texts_of(file: Path) -> set[str]:
    return {one or other for one, other in SAID.findall(file.read_text("utf-8"))}


class TestGerman:
    def test_has_every_text_of_the_templates_and_no_other(self) -> None:
        said = {text for file in TEMPLATES for text in texts_of(file)}
        made = {text for text in GERMAN if re.search(r"#|^1 |\{year\}|\{browser\}", text)}
        assert said == GERMAN.keys() - made

    @pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
    def test_is_not_mixed_with_what_no_template_says(self, file: Path) -> None:
        text = re.sub(r"\{[%{#].*?[%}#]\}", "", file.read_text("utf-8"), flags=re.DOTALL)
        bare = re.sub(r"<[^>]*>", "", text, flags=re.DOTALL)
        assert re.findall(r"[A-Za-z]{2,}", bare) == []

    def test_has_the_same_facts(self) -> None:
        for text, translated in GERMAN.items():
            for pattern in (r"\{\w+\}", "#"):
                found = [sorted(re.findall(pattern, each)) for each in (text, translated)]
                assert found[0] == found[1], text

    @pytest.mark.parametrize("month", range(12))
    def test_says_each_month(self, month: int) -> None:
        german, english = (Words("de", GERMAN), Words("en", {}))
        at = 1_767_787_260_000 + month * 2_629_800_000
        assert re.fullmatch(r"\d+\. [A-Z]\w+ 2026, \d\d:\d\d Uhr UTC", german.moment(at))
        assert re.fullmatch(r"\d+ [A-Z]\w+ 2026, \d\d:\d\d UTC", english.moment(at))

    @pytest.mark.parametrize("span", [MINUTE * 10, HOUR, 2 * HOUR, DAY, 3 * DAY])
    def test_says_how_long(self, span: Span) -> None:
        english = correspondence._span_text(span)
        assert Words("de", GERMAN).translate(english) != english

    @pytest.mark.parametrize("reason", Reason)
    def test_is_another_subject_text_and_page_of_the_same_facts(self, reason: Reason) -> None:
        composer = TemplateComposer("en", None, refuse)
        mails = [
            composer.compose(reason, FACTS, at=0, language=language) for language in ("en", "de")
        ]
        for english, german in zip(parts(mails[0]), parts(mails[1]), strict=True):
            assert english != german
            assert "Acme" in german
        assert [re.findall(r'lang="(\w+)"', mail.html) for mail in mails] == [["en"], ["de"]]


def parts(mail: Composed) -> tuple[str, str, str]:
    return mail.subject, mail.text, mail.html


@pytest.mark.parametrize(
    ("asked", "default", "language"),
    [
        ("de", "en", "de"),
        ("de-AT", "en", "de"),
        ("", "de", "de"),
        ("", "de-CH", "de"),
        ("fr", "de", "de"),
        ("en", "de", "en"),
        ("", "en", "en"),
        ("../../etc", "en", "en"),
    ],
)
def test_a_language_that_is_not_there_is_the_default(
    asked: str, default: str, language: str
) -> None:
    composer = TemplateComposer(default, None, refuse)
    mail = composer.compose(Reason.NEW_DEVICE, FACTS, at=0, language=asked)
    assert f'<html lang="{language}">' in mail.html


def put(folder: Path, name: str, text: str) -> None:
    path = folder / "mail" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def compose(
    folder: Path,
    language: str,
    *,
    told: list[TemplateFault] | None = None,
    reason: Reason = Reason.NEW_DEVICE,
) -> Composed:
    composer = TemplateComposer("en", folder, refuse if told is None else told.append)
    return composer.compose(reason, FACTS, at=0, language=language)


class TestAnOperatorsLanguage:
    def test_is_a_file_and_english_where_a_text_is_missing(self, tmp_path: Path) -> None:
        put(tmp_path, "languages/fr.toml", '"New device at {service}" = "Nouvel appareil"\n')
        assert find_languages(tmp_path / "mail") == {"en", "de", "fr"}
        TemplateComposer("fr", tmp_path, refuse).check()
        mail = compose(tmp_path, "fr-CA")
        assert mail.subject == "Nouvel appareil"
        assert "Somebody signed in" in mail.text
        assert '<html lang="fr">' in mail.html

    def test_goes_before_ours_text_by_text(self, tmp_path: Path) -> None:
        put(tmp_path, "languages/de.toml", '"Hello {name}," = "Moin {name},"\n')
        put(tmp_path, "languages/en.toml", '"Hello {name}," = "Hi {name},"\n')
        german, english = compose(tmp_path, "de"), compose(tmp_path, "en")
        assert german.text.startswith("Moin Ada,")
        assert german.subject == "Neues Gerät bei Acme"
        assert english.text.startswith("Hi Ada,")

    def test_is_said_by_templates_of_theirs_too(self, tmp_path: Path) -> None:
        put(tmp_path, "new_device.txt", '{{ say("When:") }} {{ time }}')
        assert compose(tmp_path, "de").text == "Wann: 1. Januar 1970, 00:00 Uhr UTC\n"
        assert compose(tmp_path, "en").text == "When: 1 January 1970, 00:00 UTC\n"

    def test_may_have_templates_of_its_own(self, tmp_path: Path) -> None:
        """As whole languages were made before there were files of words."""
        put(tmp_path, "fr/new_device.subject.txt", "Nouvel appareil")
        put(tmp_path, "new_device.subject.txt", "For all others")
        assert compose(tmp_path, "fr").subject == "Nouvel appareil"
        assert compose(tmp_path, "de").subject == "For all others"
        assert compose(tmp_path, "fr").text == compose(tmp_path, "en").text

    def test_is_no_folder_of_another_kind(self, tmp_path: Path) -> None:
        for name in ("partials", ".git", "languages"):
            put(tmp_path, f"{name}/x.html", "")
        assert find_languages(tmp_path / "mail") == {"en", "de"}

    @pytest.mark.parametrize(
        "line",
        [
            '"Hello {name}," = "Moin {nmae},"',
            '"Hello {name}," = "Moin {name"',
            '"Hello {name}," = "Moin {name.__class__}"',
            '"Hello {name}," = "Moin {name:d}"',
            '"Hello {name}," = 7',
            '"Hello {name}," = " "',
            '"Hello {name}," = "Moin\\r\\nBcc: x@evil.example"',
            '"Hello {name}," = "Moin\\u2028{name}"',
        ],
    )
    def test_is_english_where_a_text_cannot_be_said(self, line: str, tmp_path: Path) -> None:
        put(tmp_path, "languages/fr.toml", f'{line}\n"When:" = "Quand:"\n')
        told: list[TemplateFault] = []
        mail = compose(tmp_path, "fr", told=told)
        assert mail.text.startswith("Hello Ada,")
        assert "Quand:" in mail.text
        assert [Path(fault.file).name for fault in told] == ["fr.toml"]

    @pytest.mark.parametrize("content", [b'"When:" = ', b"\xff\xfe", b"nonsense"])
    def test_is_english_where_the_file_cannot_be_read(self, content: bytes, tmp_path: Path) -> None:
        put(tmp_path, "languages/fr.toml", "")
        (tmp_path / "mail" / "languages" / "fr.toml").write_bytes(content)
        told: list[TemplateFault] = []
        for reason in Reason:
            theirs = compose(tmp_path, "fr", told=told, reason=reason)
            ours = compose(tmp_path, "en", reason=reason)
            assert (theirs.subject, theirs.text) == (ours.subject, ours.text)
        assert {Path(fault.file).name for fault in told} == {"fr.toml"}

    def test_gives_way_to_ours_with_a_template_that_fails(self, tmp_path: Path) -> None:
        put(tmp_path, "new_device.txt", "{{ nmae }}")
        told: list[TemplateFault] = []
        mail = compose(tmp_path, "de", told=told)
        assert mail.text.startswith("Guten Tag Ada,")
        assert len(told) == 1

    def test_i09_is_inert_in_html_like_what_it_says(self, tmp_path: Path) -> None:
        put(tmp_path, "languages/fr.toml", '"Hello {name}," = "<b>{name}</b>"\n')
        put(tmp_path, "new_device.html", '{{ say("Hello {name},", name="<i>{service}") }}')
        assert compose(tmp_path, "fr").html == "&lt;b&gt;&lt;i&gt;{service}&lt;/b&gt;\n"

    def test_i09_does_not_reach_past_the_sandbox(self, tmp_path: Path) -> None:
        put(tmp_path, "new_device.txt", '{{ say("{a.__init__.__globals__}", a=cycler) }}')
        told: list[TemplateFault] = []
        assert "__" not in compose(tmp_path, "en", told=told).text
        assert len(told) == 1

    @pytest.mark.parametrize(
        "said",
        [
            "\\r\\nBcc: x@evil.example",
            "=?utf-8?q?=0d=0aBcc:_x@evil.example?=",
            "a\\u0085Bcc: x@evil.example",
            "Neu\\u00a0: {service}",
        ],
    )
    def test_i07_makes_no_header(self, said: str, tmp_path: Path) -> None:
        put(tmp_path, "languages/fr.toml", f'"New device at {{service}}" = "{said}"\n')
        told: list[TemplateFault] = []
        mail = Mail("018cc251f400aaaa", "a@example.com", compose(tmp_path, "fr", told=told))
        writer = MessageWriter(Mailbox("Acme", "no-reply@example.com"), FakeClock())
        message = message_from_bytes(writer.write(mail).as_bytes())
        assert message["Bcc"] is None
        assert len(message.keys()) == 8


def test_words_of_each_language_are_read_once(tmp_path: Path) -> None:
    put(tmp_path, "languages/fr.toml", '"When:" = "Quand:"\n')
    composer = TemplateComposer("en", tmp_path, refuse)
    for text in ("Quand:", "Quand:"):
        mail = composer.compose(Reason.NEW_DEVICE, FACTS, at=0, language="fr")
        assert text in mail.text
        put(tmp_path, "languages/fr.toml", '"When:" = "Heure:"\n')
    assert read_words(tmp_path / "mail", "fr", refuse) == {"When:": "Heure:"}
