"""Texts in other languages: the facts that they have, and nothing else of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.domain.languages import fill, find_language, fits, translate

TEXT = "Hello {name}, at {service}"


@pytest.mark.parametrize(
    ("tag", "found"),
    [("de", "de"), ("DE-ch-1996", "de"), ("pt-BR", "pt-br"), ("pt", None), ("", None)],
)
def test_a_language_is_the_nearest_that_is_known(tag: str, found: str | None) -> None:
    assert find_language(tag, {"en", "de", "pt-br"}) == found


@pytest.mark.parametrize("translated", ["Hallo", "{service}: {name}", "{{name}}", "{name}{name}"])
def test_a_translation_may_leave_out_and_repeat_facts(translated: str) -> None:
    assert fits(TEXT, translated)
    assert fill(translated, {"name": "Ada", "service": "Acme"})


@pytest.mark.parametrize(
    "translated",
    [
        *("{nmae}", "{}", "{0}", "{name", "name}", "{name!r}", "{name:d}", "{name:>99999999}"),
        *("{name.__class__}", "{name[0]}", "{name:{service}}"),
    ],
)
def test_i09_a_translation_is_not_fit_with_anything_but_facts_as_they_are(translated: str) -> None:
    assert not fits(TEXT, translated)


@pytest.mark.parametrize("text", ["{name.__class__}", "{name[0]}", "{}"])
def test_i09_no_part_of_a_fact_is_filled_in(text: str) -> None:
    with pytest.raises(KeyError):
        fill(text, {"name": "Ada"})


@given(st.text(), st.text())
def test_i09_what_stands_in_a_fact_is_not_filled_in_again(name: str, service: str) -> None:
    assert fill(TEXT, {"name": name, "service": service}) == f"Hello {name}, at {service}"


def test_numbers_are_said_in_their_order_and_what_is_missing_stays() -> None:
    said = {"# minutes": "# Minuten", "1 hour": "eine Stunde", "# of #": "#/#"}
    texts = ("10 minutes", "1 hour", "2 of 30", "3 days")
    assert [translate(text, said) for text in texts] == [
        *("10 Minuten", "eine Stunde", "2/30", "3 days")
    ]
