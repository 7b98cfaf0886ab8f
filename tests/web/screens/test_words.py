"""Languages: found by what a browser asks for, whole, and inert."""

import re
import tomllib
from pathlib import Path

import pytest

from watchword.domain import events
from watchword.web.pages import console_overview, refusals, visits
from watchword.web.screens.rendering import OURS
from watchword.web.screens.words import Languages, Words

GERMAN = '"Sign in" = "Anmelden"\n"Use # characters" = "Mindestens # Zeichen"\n'


def never(file: str, error: Exception) -> None:
    raise AssertionError(file) from error


@pytest.fixture
def languages(tmp_path: Path) -> Languages:
    (tmp_path / "de.toml").write_text(GERMAN, "utf-8")
    (tmp_path / "pt-br.toml").write_text('"Sign in" = "Entrar"\n', "utf-8")
    return Languages("en", [tmp_path], never)


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        (None, "en"),
        (b"", "en"),
        (b"de", "de"),
        (b"de-CH, fr;q=0.9", "de"),
        (b"fr, de;q=0.5, en;q=0.4", "de"),
        (b"en, de;q=0.5", "en"),
        (b"de;q=0", "en"),
        (b"pt-BR", "pt-br"),
        (b"pt", "en"),
        (b"*", "en"),
        (b"de;q=nonsense", "en"),
        (b"\xff" * 9_000, "en"),
    ],
)
def test_a_browser_is_answered_in_what_it_asks_for(
    languages: Languages, asked: bytes | None, language: str
) -> None:
    assert languages.chosen(asked).language == language


def test_the_operators_words_go_before_ours_text_by_text(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder, text in ((ours, GERMAN), (theirs, '"Sign in" = "Einloggen"\n')):
        folder.mkdir()
        (folder / "de.toml").write_text(text, "utf-8")
    words = Languages("de", [ours, theirs], never).chosen(None)
    assert words.say("Sign in") == "Einloggen"
    assert words.say("Use 15 characters") == "Mindestens 15 Zeichen"


def test_what_is_missing_stays_english() -> None:
    words = Words("de", {})
    assert words.say("Sign in") == "Sign in"
    assert words.say("Wait 5 minutes") == "Wait 5 minutes"


def test_i09_facts_and_texts_are_inert() -> None:
    words = Words("en", {"Hello {name}": "<b>Hello</b> {name}"})
    said = words.say("Hello {name}", name="<script>")
    assert said == "&lt;b&gt;Hello&lt;/b&gt; &lt;script&gt;"


def test_every_event_has_a_name_in_words() -> None:
    words = Languages("en", [OURS / "languages"], never).chosen(None)
    for kind in events.Event.__subclasses__():
        assert words.say(kind.type) != kind.type


def test_every_template_says_its_texts() -> None:
    """Whatever people read goes through `say`, so that it can be said in another language."""
    for file in sorted((OURS / "templates").glob("*.html")):
        text = re.sub(r"\{[%{#].*?[%}#]\}", "", file.read_text("utf-8"), flags=re.DOTALL)
        bare = re.sub(r"<[^>]*>", "", text, flags=re.DOTALL)
        words = re.findall(r"[A-Za-z]{2,}", bare)
        assert set(words) <= {"UTC", "narrow", "wide", "yes"}, f"{file.name}: {words}"


_IN_TEMPLATES = re.compile(
    r"""say\(\s*["']((?:[^"'\\]|\\.)*)["']"""
    r"""|field\(say, "\w+", "([^"]*)\""""
    r"""|\("/(?:account|console)[^"]*", "([^"]*)\""""
)


def test_german_has_every_text_of_the_templates() -> None:
    said = tomllib.loads((OURS / "languages" / "de.toml").read_text("utf-8"))
    for file in sorted((OURS / "templates").glob("*.html")):
        for match in _IN_TEMPLATES.finditer(file.read_text("utf-8")):
            text = next(filter(None, match.groups()))
            assert text in said, f"{file.name}: {text}"


def test_german_has_all_that_pages_themselves_say() -> None:
    said = tomllib.loads((OURS / "languages" / "de.toml").read_text("utf-8"))
    english = tomllib.loads((OURS / "languages" / "en.toml").read_text("utf-8"))
    own = {*visits.DONE.values(), *refusals.ADVICE.values(), *english}
    own |= set(console_overview.TITLES.values())
    assert own <= said.keys()


def test_a_text_and_its_translation_have_the_same_facts() -> None:
    said = tomllib.loads((OURS / "languages" / "de.toml").read_text("utf-8"))
    for text, translated in said.items():
        for pattern in (r"\{\w+\}", "#"):
            found = [sorted(re.findall(pattern, each)) for each in (text, translated)]
            assert found[0] == found[1], text
