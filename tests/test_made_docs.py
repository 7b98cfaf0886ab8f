"""The documents that are made from the code say what the code says now."""

import re

import pytest

from scripts.make_docs import DOCS, MADE
from watchword.domain.events import Event, all_types
from watchword.domain.roles import Permission
from watchword.web.app import ROUTES
from watchword.web.errors import STATUSES


@pytest.mark.parametrize("name", MADE)
def test_a_made_document_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == MADE[name](), "run python scripts/make_docs.py"


def first_column(name: str) -> list[str]:
    return re.findall(r"^\| (?:<a id=.*?></a>)?`([^`]+)` \|", MADE[name](), re.MULTILINE)


def test_every_route_is_in_the_matrix_once() -> None:
    assert first_column("authorization.md") == [f"{r.method} {r.path}" for r in ROUTES]


def test_every_permission_opens_something_there() -> None:
    assert all(f"`{permission}`" in MADE["authorization.md"]() for permission in Permission)


def test_every_event_and_every_code_is_documented_once() -> None:
    assert first_column("events.md") == list(all_types())
    assert first_column("problems.md") == list(STATUSES)


@pytest.mark.parametrize("type_", all_types())
def test_an_event_has_a_sentence_that_somebody_wrote(type_: str) -> None:
    kind = {kind.type: kind for kind in Event.__subclasses__()}[type_]
    made_up = f"{kind.__name__}("
    assert kind.__doc__
    assert not kind.__doc__.startswith(made_up)
