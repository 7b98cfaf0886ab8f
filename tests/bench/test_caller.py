"""A kept connection reads answers as they come, and whatever is wrong with one stops the run."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

import pytest

from bench.caller import Caller, one_at_each
from bench.figures import BenchFailed


def answer(status: str = "200 OK", body: bytes = b"{}", *, worker: str = "0123abcd") -> bytes:
    head = f"HTTP/1.1 {status}\r\nX-Request-Id: {worker}00000001\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


@contextmanager
def server(*connections: Sequence[bytes]) -> Iterator[int]:
    """To each of ``connections``, in turn, it sends these pieces; then it closes them all."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for pieces in connections:
                taken.append(listener.accept()[0])
                taken[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                taken[-1].recv(65_536)
                for piece in pieces:
                    taken[-1].sendall(piece)
            for connection in taken:
                connection.close()

        thread = Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


class TestACaller:
    def test_reads_an_answer_that_comes_in_pieces(self) -> None:
        text = answer(body=b'{"message":"All of it."}')
        with server([text[:9], text[9:50], text[50:-3], text[-3:]]) as port, Caller(port) as caller:
            reply = caller.ask("GET", "/profile")
        assert (reply.status, reply.worker) == (200, "0123abcd")
        assert reply.content == {"message": "All of it."}
        assert reply.size == len(text)
        assert reply.seconds > 0

    def test_says_which_request_was_answered_otherwise(self) -> None:
        with (
            server([answer("503 Service Unavailable", b"busy")]) as port,
            Caller(port) as caller,
            pytest.raises(BenchFailed, match=r"GET /profile answered 503: busy"),
        ):
            caller.ask("GET", "/profile")

    @pytest.mark.parametrize("pieces", [[], [answer()[:-1]]], ids=["nothing", "a part"])
    def test_does_not_take_an_end_for_an_answer(self, pieces: list[bytes]) -> None:
        with (
            server(pieces) as port,
            Caller(port) as caller,
            pytest.raises(BenchFailed, match=r"DELETE /sessions/1 was not answered"),
        ):
            caller.ask("DELETE", "/sessions/1")


class TestOneAtEach:
    def test_goes_on_until_every_worker_has_taken_a_connection(self) -> None:
        first, second = [answer(worker="11111111")], [answer(worker="22222222")]
        with server(first, first, second) as port, one_at_each(port, 2) as callers:
            assert len(callers) == 2
