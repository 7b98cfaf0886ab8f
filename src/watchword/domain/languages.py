"""Texts in people's own languages: the English text is its own key, and what stands in its place
says the same facts.

Invariant: a translation names facts and no part of them, so it shows nothing that its English text
does not.
"""

import re
from collections.abc import Collection, Mapping
from string import Formatter
from typing import Final

ENGLISH: Final = "en"
_NUMBER: Final = re.compile(r"\d+")


def find_language(tag: str, known: Collection[str]) -> str | None:
    """The one of ``known``, which are in lower case, that comes nearest (RFC 4647 section 3.4)."""
    tag = tag.lower()
    while tag:
        if tag in known:
            return tag
        tag = tag.rpartition("-")[0]
    return None


def translate(text: str, said: Mapping[str, str]) -> str:
    """What is ``said`` in the place of a text, or the text; a number within it is ``#`` in both."""
    known = said.get(text)
    if known is not None:
        return known
    pattern = said.get(_NUMBER.sub("#", text))
    if pattern is None:
        return text
    numbers = iter(_NUMBER.findall(text))
    return re.sub("#", lambda _: next(numbers, "#"), pattern)


def fits(text: str, translated: str) -> bool:
    """Whether nothing is said in the place of a text but facts that it has, as they are."""
    return _facts(translated) <= _facts(text)


def fill(text: str, facts: Mapping[str, object]) -> str:
    """With the facts that stand in braces. Raise `KeyError` for one that is not there, and
    `ValueError` where braces do not match.
    """
    parts = []
    for plain, name, _, _ in Formatter().parse(text):
        parts.append(plain)
        if name is not None:
            parts.append(str(facts[name]))
    return "".join(parts)


def _facts(text: str) -> set[str]:
    """What stands in braces; where they do not match, what no fact is called."""
    try:
        fields = list(Formatter().parse(text))
    except ValueError:
        return {"{"}
    return {
        name if not spec and not conversion else "{"
        for _, name, spec, conversion in fields
        if name is not None
    }
