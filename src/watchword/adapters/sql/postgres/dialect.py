"""Shared statements as PostgreSQL wants them: ``:name`` becomes ``$n``, and held clauses hold."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from watchword.adapters.sql.postgres.driver import OneOrMany

_NAME: Final = re.compile(r"(?<!:):([a-z_]+)")
_CLAUSE: Final = re.compile(r"/\*!(.*?)\*/", re.DOTALL)


class Dialect:
    """Each text is translated once. ``holds``: whether what is read stays as it was read, which
    only a transaction can ask for, or a statement that changes something.
    """

    def __init__(self, *, holds: bool) -> None:
        self._clause = r"\1" if holds else ""
        self._known: dict[str, tuple[str, Sequence[str]]] = {}

    def translate(
        self, sql: str, parameters: Mapping[str, OneOrMany]
    ) -> tuple[str, list[OneOrMany]]:
        """The text and its values in order."""
        known = self._known.get(sql)
        if known is None:
            known = self._known[sql] = self._read(sql)
        text, names = known
        return text, [storable(parameters[name]) for name in names]

    def _read(self, sql: str) -> tuple[str, Sequence[str]]:
        numbers: dict[str, int] = {}

        def numbered(match: re.Match[str]) -> str:
            return f"${numbers.setdefault(match[1], len(numbers) + 1)}"

        text = _NAME.sub(numbered, _CLAUSE.sub(self._clause, sql))
        return text, tuple(numbers)


def storable(value: OneOrMany) -> OneOrMany:
    """PostgreSQL takes no NUL in a text: nothing that is stored has one, so nothing is found."""
    if type(value) is str and "\0" in value:
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [each.replace("\0", "\ufffd") if type(each) is str else each for each in value]
    return value
