"""One connection: who is slow, endless or too many is let go before it can hold up the others.

uvicorn bounds how long a connection may idle between requests, not how long a request may take to
arrive; here both are bounded (attack X02). Invariant: what is refused here is refused in the one
shape that every refusal has.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from watchword.adapters.system import SystemRandomness
from watchword.domain.errors import Busy, Malformed, Refusal
from watchword.domain.time import SECOND
from watchword.web.answers import Header
from watchword.web.errors import TooLarge, problem
from watchword.web.streaming import Receive, Scope, Send

_LARGEST_HEAD: Final = 65_536  # bytes; proxies pass on a quarter of it
_SPARE: Final = 5.0  # seconds that the edge has to say itself that a body is late
_READER_PATIENCE: Final = 30.0  # seconds for a client to take what it asked for


class ServerConfig(uvicorn.Config):
    """``patience``: how many seconds a head may take; ``most``: how many connections are served
    at a time, in one process.
    """

    patience = 10.0
    most = 5_000


class Connection(HttpToolsProtocol):
    """Between its first byte and its last, a request has a deadline; so has its reader."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(config, ServerConfig)
        self._patience = config.patience
        self._most = config.most
        self._is_arriving = False
        self._head_size = 0
        self._waits_for_body = False
        self._deadline: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._most:
            self.app = _too_many
        self._expect_within(self._patience)

    def data_received(self, data: bytes) -> None:
        is_going_on = self._is_arriving
        super().data_received(data)
        if is_going_on and self._is_arriving and not self._head_is_whole():
            self._measure_head(len(data))
        if self._deadline is None and (self._is_arriving or self._is_idle()):
            self._expect_within(self._patience)

    def on_message_begin(self) -> None:
        self._is_arriving = True
        self._head_size = 0
        self._waits_for_body = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._is_arriving = False
        self._expect_nothing()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        self.resume_writing()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """A stream that goes on is told by a second message that it is time to end; whoever has
        answered, or still reads a body, is not led astray by one (`watchword.web.streaming`).
        """
        super().shutdown()
        if self.cycle is not None:
            self.cycle.message_event.set()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._reading is None:
            self._reading = self.loop.call_later(_READER_PATIENCE, self.transport.abort)

    def resume_writing(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """What is not taken by then is not waited for."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(_READER_PATIENCE, self.transport.abort)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  a library's words
        self._refuse(Malformed())

    def _unsupported_upgrade_warning(self) -> None:
        """Whoever asks for another protocol is answered in this one (RFC 9110 section 7.8)."""

    def _is_idle(self) -> bool:
        """Bytes that begin no request have come (blank lines do not), and uvicorn waits no more."""
        has_answered = getattr(self.cycle, "response_complete", True)
        return has_answered and self.timeout_keep_alive_task is None

    def _head_is_whole(self) -> bool:
        return "method" in self.scope

    def _measure_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > _LARGEST_HEAD:
            self._refuse(TooLarge("The head of the request is too large."))

    def _expect_within(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._be_late)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _be_late(self) -> None:
        """A body has as long again, since the edge counts from the end of the head."""
        if self._is_arriving and self._head_is_whole() and not self._waits_for_body:
            self._waits_for_body = True
            self._expect_within(self._patience + _SPARE)
        else:
            self.transport.abort()

    def _refuse(self, refusal: Refusal) -> None:
        if self.transport.is_closing():
            return
        status, headers, body = _parts_of(refusal)
        lines = [*self.server_state.default_headers, *headers]
        head = b"".join(b"%b: %b\r\n" % line for line in lines)
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + body)
        self.transport.close()


def _parts_of(refusal: Refusal) -> tuple[int, Iterable[Header], bytes]:
    request_id = SystemRandomness().bytes(8).hex()
    answer = problem(refusal, request_id)
    headers = [
        *answer.headers,
        (b"x-request-id", request_id.encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"content-length", b"%d" % len(answer.body)),
        (b"connection", b"close"),
    ]
    return answer.status, headers, answer.body


async def _too_many(_scope: Scope, _receive: Receive, send: Send) -> None:
    status, headers, body = _parts_of(Busy(retry_after=SECOND))
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
