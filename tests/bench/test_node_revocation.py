"""How long another node accepts what is revoked is counted; one that never hears stops the run."""

import pytest

from bench.figures import BenchFailed
from bench.jobs.node_revocation import hear
from tests.bench.scripted import ACCEPTED, REFUSED, VICTIM, Scripted


class TestHearing:
    def test_begins_when_both_nodes_know_the_session(self) -> None:
        there, here = Scripted(REFUSED), Scripted()
        hear(VICTIM, [there, here])
        look = "GET /profile by token"
        assert here.seen == [look, "DELETE /sessions/session by revoker"]
        assert there.seen == [look, look, f"sent {look}"]

    def test_ends_with_the_first_refusal(self) -> None:
        heard = hear(VICTIM, [Scripted(ACCEPTED, ACCEPTED, REFUSED), Scripted()])
        assert heard.accepted == 2
        assert heard.late == 0
        assert 0 < heard.refused < 1
        assert heard.revoke == heard.usual == 0.001

    def test_takes_no_other_refusal_for_this_one(self) -> None:
        with pytest.raises(BenchFailed):
            hear(VICTIM, [Scripted((401, "TOKEN_EXPIRED")), Scripted()])

    def test_counts_what_is_accepted_after_the_bound(self) -> None:
        bound = 1e-6  # which has passed at the first answer
        heard = hear(
            VICTIM, [Scripted(ACCEPTED, ACCEPTED, REFUSED), Scripted()], bound=bound, give_up=60
        )
        assert heard.late == heard.accepted == 2

    def test_of_a_node_that_never_refuses_stops_the_run(self) -> None:
        with pytest.raises(BenchFailed, match="is accepted after"):
            hear(VICTIM, [Scripted(ACCEPTED), Scripted()], give_up=0.001)
