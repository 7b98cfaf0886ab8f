"""Nobody survives the end of their session, whatever is done on two nodes at once.

`scripts/prove_interleavings.py` looks at as many as somebody has time for.
"""

from pathlib import Path

import pytest

from tests.driving import empty_database
from tests.kept import named_database
from tests.proof.interleavings import Deed, Ending, Held, Interleavings, Person
from watchword.testing import FakeClock

DEEDS, ROUNDS = 2_500, 2


@pytest.mark.every_store
async def test_s15_r09_no_session_outlives_its_end_in_any_interleaving(tmp_path: Path) -> None:
    url = named_database(tmp_path)
    if url is None:
        (tmp_path / "watchword.db").write_bytes(empty_database())
    proof = await Interleavings.open(tmp_path, url, seed=1)
    for _ in range(ROUNDS):
        verdict = await proof.round(DEEDS)
        assert verdict.holds, verdict
        assert verdict.deeds == DEEDS
        assert verdict.endings > DEEDS // 50
        assert verdict.unavailable == 0
    await proof.close()


class TestTheJudge:
    """Who finds nothing must have been able to."""

    def judged(self, deed: Deed, *endings: Ending, bound: float = 0.0) -> Interleavings:
        proof = Interleavings([], FakeClock(), bound=bound, seed=1)
        held = Held("s", Person("u", "e"), "token", "access")
        held.deeds.append(deed)
        held.endings.extend(endings)
        proof._judge_deeds(held)
        return proof

    @pytest.mark.parametrize(
        ("kind", "node", "bound", "survives"),
        [
            ("use", 0, 1.0, True),
            ("use", 1, 0.0, True),
            ("use", 1, 1.0, False),
            ("use", 1, 0.05, True),
            ("refresh", 1, 1.0, True),
        ],
    )
    def test_sees_who_is_let_in_after_the_end(
        self, kind: str, node: int, bound: float, survives: bool
    ) -> None:
        ending = Ending(0, 1.0, 2.0)
        proof = self.judged(Deed(kind, node, 2.1, 2.2, outcome=True), ending, bound=bound)
        assert bool(proof._verdict.survivors) == survives

    def test_blames_nobody_who_came_before_the_answer(self) -> None:
        proof = self.judged(Deed("use", 0, 1.9, 2.2, outcome=True), Ending(0, 1.0, 2.0))
        assert proof._verdict.holds

    def test_sees_who_is_put_out_by_nobody(self) -> None:
        proof = self.judged(Deed("use", 0, 1.0, 2.0, outcome=False), Ending(0, 2.5, 3.0))
        assert proof._verdict.lost
