"""A load generator counts what is wrong, and what is wrong stops the run."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread

import pytest

from bench.figures import BenchFailed
from bench.load import Generator, Load, Outcome, Queue, Run
from bench.load.own import OwnGenerator
from bench.load.wrk import Wrk

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark is for Linux")

Answer = tuple[int, bytes]
Answerer = Callable[[bytes], Answer]

# In CI nothing is skipped: what is not there fails.
no_wrk = pytest.mark.skipif(
    shutil.which("wrk") is None and "CI" not in os.environ,  # noqa: TID251
    reason="wrk is not installed",
)
GENERATORS = [
    pytest.param(OwnGenerator, id="own"),
    pytest.param(
        Wrk,
        id="wrk",
        marks=no_wrk,
    ),
]
QUEUE = Queue(
    items=("first", "second"),
    before='{"refreshToken":"',
    after='"}',
    successor="refreshToken",
    once=True,
)


@contextmanager
def server(answer: Answerer) -> Iterator[int]:
    """Answers what it is told to, on a port of its own."""

    class Page(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            status, body = answer(self.rfile.read(length))
            head = f"HTTP/1.1 {status} OK\r\ncontent-length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)

        do_POST = do_GET  # noqa: N815  the library looks for this name

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as listening:
        listening.daemon_threads = True
        thread = Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield listening.server_port
        finally:
            listening.shutdown()
            thread.join()


def outcome_of(
    generator: Generator, answer: Answerer, folder: Path, *, queue: Queue | None, size: int = 0
) -> Outcome:
    with server(answer) as port:
        load = Load(port=port, path="/", connections=2, seconds=0.1, queue=queue, size=size or None)
        return Run(generator, load, folder).outcome()


def rotating() -> Answerer:
    numbers = count()
    return lambda _: (200, b'{"refreshToken":"token-%d"}' % next(numbers))


@pytest.mark.parametrize("make", GENERATORS)
class TestAGenerator:
    def test_sends_each_token_once(self, make: Callable[[], Generator], tmp_path: Path) -> None:
        sent: list[str] = []
        answer = rotating()

        def noting(body: bytes) -> Answer:
            sent.append(json.loads(body)["refreshToken"])
            return answer(body)

        outcome = outcome_of(make(), noting, tmp_path, queue=QUEUE)
        assert outcome.wrong == 0
        assert outcome.requests >= 2
        assert {"first", "second"} < set(sent)
        assert len(sent) == len(set(sent))

    def test_refuses_a_token_that_comes_back(
        self, make: Callable[[], Generator], tmp_path: Path
    ) -> None:
        with pytest.raises(BenchFailed, match="wrong"):
            outcome_of(make(), lambda body: (200, body), tmp_path, queue=QUEUE)

    def test_refuses_an_answer_of_another_length(
        self, make: Callable[[], Generator], tmp_path: Path
    ) -> None:
        with pytest.raises(BenchFailed, match="bytes instead of"):
            outcome_of(make(), lambda _: (200, b"{}"), tmp_path, queue=None, size=90)


@pytest.mark.parametrize(
    ("answer", "queue"),
    [
        pytest.param((500, b"{}"), None, id="status"),
        pytest.param((401, b'{"refreshToken":"token"}'), QUEUE, id="status of a queue"),
        pytest.param((200, b'{"message":"Well done."}'), QUEUE, id="no successor"),
    ],
)
class TestAWrongAnswer:
    def test_stops_the_run(self, answer: Answer, queue: Queue | None, tmp_path: Path) -> None:
        with pytest.raises(BenchFailed, match=r"answers were wrong"):
            outcome_of(OwnGenerator(), lambda _: answer, tmp_path, queue=queue)

    @no_wrk
    def test_stops_a_run_of_wrk(self, answer: Answer, queue: Queue | None, tmp_path: Path) -> None:
        with pytest.raises(BenchFailed, match=r"answers were wrong"):
            outcome_of(Wrk(), lambda _: answer, tmp_path, queue=queue)


class TestAServerThatIsNotThere:
    def test_stops_the_run(self, tmp_path: Path) -> None:
        with server(rotating()) as port:
            pass
        load = Load(port=port, path="/", connections=1, seconds=0.1)
        with pytest.raises(BenchFailed, match="wrong"):
            Run(OwnGenerator(), load, tmp_path).outcome()


class TestWrk:
    def test_missing_says_how_to_install_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        with pytest.raises(BenchFailed, match="apt-get install wrk"):
            Wrk()
