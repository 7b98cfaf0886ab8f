"""A revocation that a worker has not heard of is counted; another refusal stops the run."""

import json
from collections.abc import Mapping

import pytest

from bench.caller import Caller, Timed
from bench.figures import BenchFailed
from bench.jobs.revocation import Victim, attempt

VICTIM = Victim(session_id="session", token="token", revoker="revoker")
REFUSED = (401, "SESSION_REVOKED")
ACCEPTED = (200, "")


class Worker(Caller):
    """Accepts all, until it is asked without waiting for the answer: that is then ``last``."""

    def __init__(self, name: str, last: tuple[int, str]) -> None:
        self.seen: list[str] = []
        self._name = name
        self._last = last

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        content: Mapping[str, object] | None = None,
        expect: int = 200,
    ) -> Timed:
        self.seen.append(f"{method} {path} by {token}")
        return self._answer(expect, "")

    def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        content: Mapping[str, object] | None = None,
    ) -> None:
        self.seen.append(f"{method} {path} by {token}")

    def receive(self) -> Timed:
        return self._answer(*self._last)

    def _answer(self, status: int, code: str) -> Timed:
        headers = [("x-request-id", f"{self._name}00000001")]
        return Timed(status, headers, json.dumps({"code": code}).encode(), 0.001)


class TestAnAttempt:
    def test_asks_each_worker_before_and_after(self) -> None:
        callers = [Worker("11111111", REFUSED), Worker("22222222", REFUSED)]
        assert attempt(VICTIM, callers).stale == 0
        look = "GET /profile by token"
        assert callers[0].seen == [look, look]
        assert callers[1].seen == [look, "DELETE /sessions/session by revoker", look]

    @pytest.mark.parametrize(
        ("answers", "stale"),
        [((ACCEPTED, REFUSED), 1), ((REFUSED, ACCEPTED), 1), ((ACCEPTED, ACCEPTED), 2)],
    )
    def test_counts_who_accepts_what_is_revoked(
        self, answers: tuple[tuple[int, str], tuple[int, str]], stale: int
    ) -> None:
        first, second = answers
        tried = attempt(VICTIM, [Worker("11111111", first), Worker("22222222", second)])
        assert tried.stale == stale

    @pytest.mark.parametrize("other", [(401, "TOKEN_EXPIRED"), (503, "UNAVAILABLE")])
    def test_takes_no_other_refusal_for_this_one(self, other: tuple[int, str]) -> None:
        with pytest.raises(BenchFailed):
            attempt(VICTIM, [Worker("11111111", REFUSED), Worker("22222222", other)])

    def test_takes_no_worker_for_another(self) -> None:
        with pytest.raises(BenchFailed, match="another worker"):
            attempt(VICTIM, [Worker("11111111", REFUSED), Worker("11111111", REFUSED)])
