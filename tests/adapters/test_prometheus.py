"""Figures: everything that happened is in them, once, whichever worker is asked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from watchword.adapters.prometheus import PrometheusMeter, forget_process
from watchword.ports import Count, Meter

SOURCE = Path(__file__).parent.parent.parent / "src"


def read(text: str) -> dict[str, float]:
    """Samples by name and labels, as they are written in front of a value."""
    return {
        sample.name + "".join(f",{key}={value}" for key, value in sorted(sample.labels.items())): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def meter() -> PrometheusMeter:
    return PrometheusMeter(version="1.2.3")


def shown(meter: PrometheusMeter) -> dict[str, float]:
    return read(meter.render().decode())


class TestRequests:
    def test_are_counted_by_route_and_status(self, meter: PrometheusMeter) -> None:
        for status in [200, 200, 401]:
            meter.request_done("/profile", status, 0.002)
        samples = shown(meter)
        assert samples["watchword_requests_total,route=/profile,status=200"] == 2
        assert samples["watchword_requests_total,route=/profile,status=401"] == 1

    @pytest.mark.parametrize(("seconds", "bound"), [(0.0, "0.0005"), (0.005, "0.005"), (9, "+Inf")])
    def test_are_timed_as_the_library_would(
        self, seconds: float, bound: str, meter: PrometheusMeter
    ) -> None:
        meter.request_done("/profile", 200, seconds)
        samples = shown(meter)
        within = [
            name
            for name, value in samples.items()
            if name.startswith("watchword_request_seconds_bucket") and value == 1
        ]
        assert within[0] == f"watchword_request_seconds_bucket,le={bound},route=/profile"
        assert samples["watchword_request_seconds_sum,route=/profile"] == seconds
        assert samples["watchword_request_seconds_count,route=/profile"] == 1

    def test_are_counted_once_however_often_they_are_shown(self, meter: PrometheusMeter) -> None:
        for number in range(1_000):
            meter.request_done("/profile", 200, 0.001)
            if number % 300 == 0:
                meter.render()
        assert shown(meter)["watchword_requests_total,route=/profile,status=200"] == 1_000
        assert shown(meter)["watchword_request_seconds_count,route=/profile"] == 1_000


class TestCounts:
    def test_have_their_label(self, meter: PrometheusMeter) -> None:
        port: Meter = meter
        port.count(Count.SIGN_INS, "signed_in")
        port.count(Count.LIMITED, "sign_in")
        port.count(Count.CACHE, "hit")
        samples = shown(meter)
        assert samples["watchword_sign_ins_total,outcome=signed_in"] == 1
        assert samples["watchword_limited_total,limit=sign_in"] == 1
        assert samples["watchword_cache_total,outcome=hit"] == 1

    def test_of_locks_begin_at_zero(self, meter: PrometheusMeter) -> None:
        assert shown(meter)["watchword_lockouts_total"] == 0
        meter.count(Count.LOCKOUTS, "locked")
        assert shown(meter)["watchword_lockouts_total"] == 1

    def test_of_reused_tokens_are_replays_as_well(self, meter: PrometheusMeter) -> None:
        assert shown(meter)["watchword_replays_total"] == 0
        meter.count(Count.REFRESHES, "rotated")
        meter.count(Count.REFRESHES, "reused")
        samples = shown(meter)
        assert samples["watchword_replays_total"] == 1
        assert samples["watchword_refreshes_total,outcome=reused"] == 1

    def test_are_there_for_everything_that_can_be_counted(self, meter: PrometheusMeter) -> None:
        for what in Count:
            meter.count(what, "some")
        assert {name for name in shown(meter) if name.startswith("watchword_")} >= {
            "watchword_sign_ins_total,outcome=some",
            "watchword_refreshes_total,outcome=some",
            "watchword_lockouts_total",
            "watchword_limited_total,limit=some",
            "watchword_cache_total,outcome=some",
            "watchword_breach_checks_total,outcome=some",
        }


class TestTallies:
    def test_are_poured_without_being_asked_once_there_are_many(
        self, meter: PrometheusMeter
    ) -> None:
        for _ in range(63):
            meter.request_done("/profile", 200, 0.001)
            assert meter._pending > 0
        meter.count(Count.CACHE, "hit")
        assert meter._pending == 0
        for _ in range(64):
            meter.request_done("/profile", 200, 0.001)
        assert meter._pending == 0


class TestHashing:
    def test_tells_of_waits_refusals_and_the_queue_as_it_is(self, meter: PrometheusMeter) -> None:
        queue = [1, 2, 3]
        meter.hashing.watch_queue(lambda: len(queue))
        meter.hashing.waited(0.02)
        meter.hashing.refused()
        samples = shown(meter)
        assert samples["watchword_hashing_queue_depth"] == 3
        assert samples["watchword_hashing_refused_total"] == 1
        assert samples["watchword_hashing_wait_seconds_bucket,le=0.025"] == 1
        queue.clear()
        assert shown(meter)["watchword_hashing_queue_depth"] == 0


class TestTheRest:
    def test_tells_of_the_store_the_sessions_and_the_version(self, meter: PrometheusMeter) -> None:
        meter.stored("find_session", 0.0001)
        meter.sessions_alive(12)
        samples = shown(meter)
        assert samples["watchword_store_seconds_count,operation=find_session"] == 1
        assert samples["watchword_sessions_alive"] == 12
        assert samples["watchword_build_info,version=1.2.3"] == 1

    def test_of_one_meter_is_none_of_another(self, meter: PrometheusMeter) -> None:
        PrometheusMeter(version="2").sessions_alive(3)
        assert shown(meter)["watchword_sessions_alive"] == 0

    def test_has_no_series_that_only_one_worker_would_have(self, meter: PrometheusMeter) -> None:
        meter.count(Count.CACHE, "hit")
        assert not [name for name in shown(meter) if "_created" in name]


WORKER = """
import os, sys
from watchword.adapters.prometheus import PrometheusMeter
from watchword.ports import Count
meter = PrometheusMeter(version="1")
meter.hashing.watch_queue(lambda: 2)
meter.sessions_alive(int(sys.argv[1]))
for _ in range(100):
    meter.request_done("/profile", 200, 0.001)
    meter.count(Count.SIGN_INS, "signed_in")
meter.stored("commit", 0.01)
meter.pour()
print(os.getpid() if sys.argv[2] == "pid" else meter.render().decode())
"""


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    return tmp_path


def run_worker(shared: Path, sessions: int, answer: str) -> str:
    environ = {
        "PATH": os.defpath,
        "PYTHONPATH": str(SOURCE),
        "PROMETHEUS_MULTIPROC_DIR": str(shared),
    }
    command = [sys.executable, "-c", WORKER, str(sessions), answer]
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout


class TestSeveralWorkers:
    def test_are_told_of_by_any_of_them(self, shared: Path) -> None:
        first = int(run_worker(shared, 5, "pid"))
        both = read(run_worker(shared, 7, "figures"))
        assert both["watchword_requests_total,route=/profile,status=200"] == 200
        assert both["watchword_request_seconds_count,route=/profile"] == 200
        assert both["watchword_sign_ins_total,outcome=signed_in"] == 200
        assert both["watchword_store_seconds_count,operation=commit"] == 2
        assert both["watchword_hashing_queue_depth"] == 4
        assert both["watchword_sessions_alive"] == 7
        assert both["watchword_build_info,version=1"] == 1
        forget_process(first, shared)
        after = read(run_worker(shared, 9, "figures"))
        assert after["watchword_hashing_queue_depth"] == 4
        assert after["watchword_requests_total,route=/profile,status=200"] == 300
