"""How long another node accepts what is revoked is counted; one that never hears stops the run."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain, repeat

import pytest

from bench.caller import Caller, Timed
from bench.figures import BenchFailed
from bench.jobs.node_revocation import hear
from bench.jobs.revocation import Victim

VICTIM = Victim(session_id="session", token="token", revoker="revoker")
ACCEPTED, REFUSED = (200, ""), (401, "SESSION_REVOKED")


class Node(Caller):
    """What it answers in turn once the session is revoked, the last for good."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self.seen: list[str] = []
        self._answers = chain(answers, repeat(answers[-1] if answers else ACCEPTED))

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
        return _answer(expect, "")

    def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        content: Mapping[str, object] | None = None,
    ) -> None:
        self.seen.append("look")

    def receive(self) -> Timed:
        return _answer(*next(self._answers))


def _answer(status: int, code: str) -> Timed:
    headers: Sequence[tuple[str, str]] = [("x-request-id", "1111111100000001")]
    return Timed(status, headers, json.dumps({"code": code}).encode(), 0.001)


class TestHearing:
    def test_begins_when_both_nodes_know_the_session(self) -> None:
        there, here = Node(REFUSED), Node()
        hear(VICTIM, [there, here])
        look = "GET /profile by token"
        assert here.seen == [look, "DELETE /sessions/session by revoker"]
        assert there.seen == [look, look, "look"]

    def test_ends_with_the_first_refusal(self) -> None:
        heard = hear(VICTIM, [Node(ACCEPTED, ACCEPTED, REFUSED), Node()])
        assert heard.accepted == 2
        assert heard.late == 0
        assert 0 < heard.refused < 1
        assert heard.revoke == heard.usual == 0.001

    def test_takes_no_other_refusal_for_this_one(self) -> None:
        with pytest.raises(BenchFailed):
            hear(VICTIM, [Node((401, "TOKEN_EXPIRED")), Node()])

    def test_counts_what_is_accepted_after_the_bound(self) -> None:
        bound = 1e-6  # which has passed at the first answer
        heard = hear(VICTIM, [Node(ACCEPTED, ACCEPTED, REFUSED), Node()], bound=bound, give_up=60)
        assert heard.late == heard.accepted == 2

    def test_of_a_node_that_never_refuses_stops_the_run(self) -> None:
        with pytest.raises(BenchFailed, match="is accepted after"):
            hear(VICTIM, [Node(ACCEPTED), Node()], give_up=0.001)
