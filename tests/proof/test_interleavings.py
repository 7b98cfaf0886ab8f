"""Nobody survives the end of their session, whatever is done on two nodes at once.

`scripts/prove_interleavings.py` looks at as many as somebody has time for.
"""

from pathlib import Path

import pytest

from tests.faults.counters import mute, told_by
from tests.kept import name_database, name_redis, named_database
from tests.opening import empty_database
from tests.proof.interleavings import Deed, Ending, Held, Interleavings, Person
from watchword.testing import FakeClock

DEEDS = 2_500


async def require_ends_hold(proof: Interleavings, rounds: int) -> None:
    for _ in range(rounds):
        verdict = await proof.round(DEEDS)
        assert verdict.holds, verdict
        assert verdict.deeds == DEEDS
        assert verdict.endings > DEEDS // 50
        assert verdict.unavailable == 0
    await proof.close()


@pytest.mark.every_store
async def test_s15_r09_no_session_outlives_its_end_in_any_interleaving(tmp_path: Path) -> None:
    if named_database(tmp_path) is None:
        (tmp_path / "watchword.db").write_bytes(empty_database())
    await require_ends_hold(await Interleavings.open(tmp_path, seed=1), rounds=2)


@pytest.mark.parametrize("news", ["told by the database", "polled", "told by messages"])
async def test_s15_r09_nor_one_that_moves_in_redis_however_late_the_news_are(
    tmp_path: Path, postgres_url: str, redis_url: str, news: str
) -> None:
    name_database(tmp_path, postgres_url)
    name_redis(tmp_path, redis_url)
    told = redis_url if news == "told by messages" else await mute(redis_url)
    more = {} if news == "told by the database" else told_by(told)
    await require_ends_hold(await Interleavings.open(tmp_path, seed=1, **more), rounds=1)


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

    @pytest.mark.parametrize("first", [0, 1])
    def test_holds_a_node_to_its_answer_whoever_came_first(self, first: int) -> None:
        endings = (Ending(first, 0.5, 0.9), Ending(0, 1.0, 2.0))
        proof = self.judged(Deed("use", 0, 2.1, 2.2, outcome=True), *endings, bound=1.5)
        assert proof._verdict.survivors

    def test_blames_nobody_who_came_before_the_answer(self) -> None:
        proof = self.judged(Deed("use", 0, 1.9, 2.2, outcome=True), Ending(0, 1.0, 2.0))
        assert proof._verdict.holds

    def test_sees_who_is_put_out_by_nobody(self) -> None:
        proof = self.judged(Deed("use", 0, 1.0, 2.0, outcome=False), Ending(0, 2.5, 3.0))
        assert proof._verdict.lost
