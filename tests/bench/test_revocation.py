"""A revocation that a worker has not heard of is counted; another refusal stops the run."""

import pytest

from bench.figures import BenchFailed
from bench.jobs.revocation import attempt
from tests.bench.scripted import ACCEPTED, REFUSED, VICTIM, Scripted


class TestAnAttempt:
    def test_asks_each_worker_before_and_after(self) -> None:
        callers = [Scripted(REFUSED, worker="11111111"), Scripted(REFUSED, worker="22222222")]
        assert attempt(VICTIM, callers).stale == 0
        look = "GET /profile by token"
        assert callers[0].seen == [look, f"sent {look}"]
        assert callers[1].seen == [look, "DELETE /sessions/session by revoker", f"sent {look}"]

    @pytest.mark.parametrize(
        ("answers", "stale"),
        [((ACCEPTED, REFUSED), 1), ((REFUSED, ACCEPTED), 1), ((ACCEPTED, ACCEPTED), 2)],
    )
    def test_counts_who_accepts_what_is_revoked(
        self, answers: tuple[tuple[int, str], tuple[int, str]], stale: int
    ) -> None:
        first, second = answers
        tried = attempt(
            VICTIM, [Scripted(first, worker="11111111"), Scripted(second, worker="22222222")]
        )
        assert tried.stale == stale

    @pytest.mark.parametrize("other", [(401, "TOKEN_EXPIRED"), (503, "UNAVAILABLE")])
    def test_takes_no_other_refusal_for_this_one(self, other: tuple[int, str]) -> None:
        with pytest.raises(BenchFailed):
            attempt(
                VICTIM, [Scripted(REFUSED, worker="11111111"), Scripted(other, worker="22222222")]
            )

    def test_takes_no_worker_for_another(self) -> None:
        with pytest.raises(BenchFailed, match="another worker"):
            attempt(
                VICTIM, [Scripted(REFUSED, worker="11111111"), Scripted(REFUSED, worker="11111111")]
            )
