import json
from collections.abc import Iterator

import pytest

from watchword.adapters.sql.failures import StoreFailed
from watchword.domain import errors as domain
from watchword.domain.errors import (
    Busy,
    FieldError,
    Forbidden,
    Invalid,
    InvalidCredentials,
    Malformed,
    NotAuthenticated,
    PasswordTooShort,
    RateLimited,
    Refusal,
    TokenExpired,
    TokenMissing,
    TooManyAttempts,
    Unavailable,
    WrongCurrentPassword,
)
from watchword.flows.keyring import KeysSealedByAnotherSecret
from watchword.web.answers import Answer
from watchword.web.errors import STATUSES, TITLES, InternalError, MethodNotAllowed, problem

ID = "request-1"


def headers_of(answer: Answer) -> dict[bytes, bytes]:
    return dict(answer.headers)


def kinds(parent: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    yield parent
    for child in parent.__subclasses__():
        yield from kinds(child)


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=str), ids=lambda kind: kind.__name__)
def test_every_refusal_has_a_status_and_a_title(kind: type[Refusal]) -> None:
    assert kind.code in STATUSES
    assert STATUSES[kind.code] in TITLES


def test_the_tree_of_refusals_is_seen_whole() -> None:
    named = {value for value in vars(domain).values() if isinstance(value, type)}
    assert {kind for kind in named if issubclass(kind, Refusal)} <= set(kinds())


def test_a_problem_has_one_shape() -> None:
    answer = problem(Forbidden(), ID)
    assert answer.status == 403
    assert headers_of(answer) == {b"content-type": b"application/problem+json; charset=utf-8"}
    assert json.loads(answer.body) == {
        "type": "/docs#forbidden",
        "title": "Not allowed",
        "status": 403,
        "detail": "You are not allowed to do this.",
        "message": "You are not allowed to do this.",
        "code": "FORBIDDEN",
        "requestId": ID,
    }


def test_a_422_names_its_fields() -> None:
    content = json.loads(problem(Invalid(FieldError("a", "A."), FieldError("b", "B.")), ID).body)
    assert content["errors"] == [{"field": "a", "message": "A."}, {"field": "b", "message": "B."}]
    assert content["detail"] == "A."
    short = json.loads(problem(PasswordTooShort(12).at("newPassword"), ID).body)
    assert (short["code"], short["errors"][0]["field"]) == ("PASSWORD_TOO_SHORT", "newPassword")


@pytest.mark.parametrize(
    ("refusal", "challenge"),
    [
        (TokenMissing(), b'Bearer realm="watchword"'),
        (InvalidCredentials(), b'Bearer realm="watchword"'),
        (
            TokenExpired(),
            (
                b'Bearer realm="watchword", error="invalid_token", '
                b'error_description="The access token has expired. Refresh it."'
            ),
        ),
    ],
)
def test_a_401_says_how_to_authenticate(refusal: NotAuthenticated, challenge: bytes) -> None:
    answer = problem(refusal, ID)
    assert answer.status == 401
    assert headers_of(answer)[b"www-authenticate"] == challenge


@pytest.mark.parametrize("kind", sorted(set(kinds(NotAuthenticated)), key=str))
def test_i07_a_challenge_is_one_line_of_ascii(kind: type[NotAuthenticated]) -> None:
    challenge = headers_of(problem(kind(), ID))[b"www-authenticate"].decode("ascii")
    assert challenge.isprintable()
    assert challenge.count('"') % 2 == 0


def test_a_wrong_current_password_is_403_and_no_challenge() -> None:
    """Whoever is signed in stays so: a 401 would make clients throw their tokens away."""
    answer = problem(WrongCurrentPassword(), ID)
    assert answer.status == 403
    assert json.loads(answer.body)["code"] == "INVALID_CREDENTIALS"
    assert b"www-authenticate" not in headers_of(answer)


@pytest.mark.parametrize(
    ("milliseconds", "seconds"), [(0, b"1"), (1, b"1"), (1_000, b"1"), (1_001, b"2")]
)
def test_who_comes_back_after_retry_after_is_not_too_early(
    milliseconds: int, seconds: bytes
) -> None:
    for refusal in (
        RateLimited(retry_after=milliseconds, allowed=5),
        TooManyAttempts(retry_after=milliseconds, allowed=5),
    ):
        answer = problem(refusal, ID)
        assert answer.status == 429
        assert headers_of(answer)[b"retry-after"] == seconds
        assert headers_of(answer)[b"ratelimit-limit"] == b"5"
        assert headers_of(answer)[b"ratelimit-remaining"] == b"0"
        assert headers_of(answer)[b"ratelimit-reset"] == seconds


def test_a_503_says_when_to_come_back_and_names_no_limit() -> None:
    for refusal in (Busy(retry_after=5_000), Unavailable()):
        answer = problem(refusal, ID)
        assert answer.status == 503
        assert headers_of(answer)[b"retry-after"] in {b"5", b"1"}
        assert not [name for name in headers_of(answer) if name.startswith(b"ratelimit")]


def test_a_405_says_what_is_allowed() -> None:
    assert headers_of(problem(MethodNotAllowed("GET, PUT"), ID))[b"allow"] == b"GET, PUT"


@pytest.mark.parametrize(
    "refusal", [StoreFailed("no such table: users"), KeysSealedByAnotherSecret(), InternalError()]
)
def test_x10_what_is_for_the_operator_is_not_for_the_client(refusal: Refusal) -> None:
    text = problem(refusal, ID).body.decode()
    for word in ("table", "users", "secret", "WATCHWORD_", "database", "sealed"):
        assert word not in text


def test_a_detail_of_ones_own_is_shown() -> None:
    assert json.loads(problem(Malformed("Send it once."), ID).body)["detail"] == "Send it once."
