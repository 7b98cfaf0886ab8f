"""An import counts only when everybody has an account, and nobody is like another."""

import sys
from pathlib import Path

import pytest

from bench.figures import BenchFailed
from bench.newcomers import address, take_in, write_newcomers
from bench.processes import run_to_end
from bench.stores import SqliteHome


class TestAnImport:
    def test_that_leaves_somebody_out_stops_the_run(self, tmp_path: Path) -> None:
        write_newcomers(tmp_path, 3)
        with pytest.raises(BenchFailed, match="Of 4 newcomers 3"):
            take_in(SqliteHome(tmp_path, {}), 4, hear=lambda _: None)


class TestAnAddress:
    def test_is_everybodys_own_and_always_the_same(self) -> None:
        addresses = [address(number) for number in range(10_000)]
        assert len(set(addresses)) == len(addresses)
        assert [address(number) for number in range(10_000)] == addresses

    def test_comes_in_no_order(self) -> None:
        addresses = [address(number) for number in range(100)]
        assert addresses not in (sorted(addresses), sorted(addresses, reverse=True))


class TestACommand:
    def test_is_heard_while_it_runs(self, tmp_path: Path) -> None:
        script = "import sys; print('one', file=sys.stderr); print(sum(range(10**6)))"
        heard: list[str] = []
        ended = run_to_end([sys.executable, "-c", script], folder=tmp_path, hear=heard.append)
        assert heard == ["one"]
        assert ended.output == "499999500000\n"
        assert ended.cpu_seconds > 0
        assert ended.seconds > 0

    def test_that_fails_stops_the_run_with_its_last_words(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", "import sys; sys.exit('It broke.')"]
        with pytest.raises(BenchFailed, match=r"failed with 1: It broke\."):
            run_to_end(command, folder=tmp_path, hear=lambda _: None)
