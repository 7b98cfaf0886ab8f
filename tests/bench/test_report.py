"""A report judges by the median, and writes its figures where they belong."""

import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from bench.__main__ import PAGE, main
from bench.environment import look_around
from bench.figures import BenchFailed, Figure, Series, Target
from bench.report import SIZING, WHOLE, Report, marks

BEGIN, END = marks(WHOLE)
SIZING_BEGIN, SIZING_END = marks(SIZING)
NO_SIZING = f"{SIZING_BEGIN}{SIZING_END}"
RATIO = Figure(name="ratio", title="ours / theirs", unit="", target=Target("≥", 0.8), digits=2)
PLAIN = Figure(name="rate", title="requests", unit="/s")


def report(samples: Sequence[float], folder: Path) -> Report:
    return Report(
        environment=look_around(folder, "own"),
        rounds=len(samples),
        seconds=1,
        titles={"job": "A job"},
        series=[Series("job", RATIO, list(samples)), Series("job", PLAIN, [12_345.0])],
        notes=["The machine was busy."],
    )


class TestAVerdict:
    @pytest.mark.parametrize(
        ("samples", "verdict"),
        [([0.8], "met"), ([0.1, 0.9, 0.81], "met"), ([0.9, 0.79, 0.1], "MISSED")],
    )
    def test_is_of_the_median(self, samples: list[float], verdict: str) -> None:
        assert Series("job", RATIO, samples).verdict == verdict

    @pytest.mark.parametrize(
        ("target", "value", "is_met"),
        [
            (Target("≤", 1.5), 1.5, True),
            (Target("<", 5), 5, False),
            (Target("<", 5), 4.9, True),
            (Target("≥", 0.6), 0.59, False),
        ],
    )
    def test_takes_a_bound_as_it_is_written(
        self, target: Target, value: float, *, is_met: bool
    ) -> None:
        assert target.is_met_by(value) is is_met

    @pytest.mark.parametrize(("samples", "verdict"), [([0, 0, 0], "met"), ([0, 1, 0], "MISSED")])
    def test_is_of_every_round_where_it_must_always_hold(
        self, samples: list[float], verdict: str
    ) -> None:
        figure = Figure(name="stale", title="stale", unit="", target=Target("≤", 0, always=True))
        assert Series("job", figure, samples).verdict == verdict

    def test_is_none_without_a_target(self) -> None:
        assert Series("job", PLAIN, [1.0]).verdict == ""


class TestAReport:
    def test_shows_every_figure_on_a_terminal(self, tmp_path: Path) -> None:
        console = Console(file=StringIO(), width=120)
        report([0.5, 0.7, 0.6], tmp_path).show(console)
        assert isinstance(console.file, StringIO)
        shown = console.file.getvalue()
        for part in ("A job", "≥ 0.80", "0.60", "0.50 … 0.70", "MISSED", "12,345/s", "was busy"):
            assert part in shown

    def test_keeps_every_sample_in_its_json(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "latest.json"
        report([0.9, 0.7, 0.8], tmp_path).write_json(path)
        written = json.loads(path.read_text("utf-8"))
        assert written["figures"][0]["samples"] == [0.9, 0.7, 0.8]
        assert written["figures"][0]["median"] == 0.8
        assert written["figures"][0]["verdict"] == "met"
        assert written["environment"]["cores"] >= 1

    def test_replaces_what_stands_between_the_marks(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text(f"before\n{BEGIN}\nold figures\n{END}\nafter\n{NO_SIZING}", "utf-8")
        for samples in ([0.5], [0.9]):
            report(samples, tmp_path).write_into(page)
        text = page.read_text("utf-8")
        assert text.startswith(f"before\n{BEGIN}\nWatchword ")
        assert f"{END}\nafter\n{SIZING_BEGIN}\n| what | SQLite |" in text
        assert text.endswith(SIZING_END)
        assert "| ours / theirs | ≥ 0.80 | 0.90 | 0.90 … 0.90 | met |" in text
        assert "old figures" not in text
        assert "0.50" not in text.partition("| what |")[2]

    def test_draws_its_plots_beside_the_page_and_shows_them_there(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text(f"{BEGIN}{END}{NO_SIZING}", "utf-8")
        report([0.9], tmp_path).write_into(page)
        assert "](plots/ratios.svg)\n" in page.read_text("utf-8")
        assert "ours / theirs" in (tmp_path / "plots" / "ratios.svg").read_text("utf-8")

    def test_of_some_jobs_goes_between_marks_of_its_own(self, tmp_path: Path) -> None:
        begin, end = marks(f"scale, {WHOLE}")
        page = tmp_path / "page.md"
        page.write_text(f"{BEGIN}\nall\n{END}\n{begin}{end}{NO_SIZING}", "utf-8")
        report([0.9], tmp_path).write_section(page, "scale")
        text = page.read_text("utf-8")
        assert text.startswith(f"{BEGIN}\nall\n{END}\n{begin}\nWatchword ")
        assert "](plots/scale-ratios.svg)\n" in text
        assert text.endswith(NO_SIZING)
        assert (tmp_path / "plots" / "scale-ratios.svg").exists()

    @pytest.mark.parametrize("text", ["nothing", f"{BEGIN}{END}", NO_SIZING])
    def test_refuses_a_page_without_marks(self, text: str, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text(text, "utf-8")
        with pytest.raises(BenchFailed, match="marks"):
            report([1], tmp_path).write_into(page)
        assert page.read_text("utf-8") == text

    def test_knows_what_was_missed(self, tmp_path: Path) -> None:
        assert [one.figure for one in report([0.5], tmp_path).missed] == [RATIO]
        assert report([0.9], tmp_path).missed == []


class TestThePage:
    def test_has_the_marks(self) -> None:
        text = PAGE.read_text("utf-8")
        assert text.index(BEGIN) < text.index(END)
        assert text.index(SIZING_BEGIN) < text.index(SIZING_END)


class TestTheCommand:
    def test_without_wrk_says_how_to_install_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        result = CliRunner().invoke(main, ["--only", "start"])
        assert result.exit_code == 1
        assert "apt-get install wrk" in result.output

    @pytest.mark.parametrize(
        "arguments", [["--only", "start"], ["--rounds", "4"], ["--seconds", "2"]]
    )
    def test_writes_no_page_from_part_of_a_run(self, arguments: list[str]) -> None:
        result = CliRunner().invoke(main, ["--docs", *arguments])
        assert result.exit_code == 2
        assert "--docs wants every job" in result.output

    def test_wants_two_sizes_to_compare(self) -> None:
        result = CliRunner().invoke(main, ["--scale", "1000", "--scale", "1000"])
        assert result.exit_code == 2
        assert "two sizes" in result.output
