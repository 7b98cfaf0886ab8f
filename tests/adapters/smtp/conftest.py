"""Relays in this process: a real one (aiosmtpd), and one that says what a test tells it to say."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from watchword.adapters.email_message import MessageWriter
from watchword.adapters.smtp import Patience, SmtpMailer
from watchword.crypto.secret import Secret
from watchword.domain.mail import Encryption, Login, Mailbox, Relay
from watchword.domain.time import SECOND
from watchword.ports.mail import Composed, Mail
from watchword.testing import FakeClock

PASSWORD = b"c4n4ry-9f8e7d6c"
LINK = "https://auth.example.com/reset-password#token=wwl_c4n4ry"
SENDER = Mailbox("Acme, Inc.", "no-reply@example.com")
WRITE = MessageWriter(SENDER, FakeClock()).write


def mail(to: str = "ada@example.com") -> Mail:
    return Mail("018cc251f400aaaa", to, Composed("Réset", f"Open {LINK}\n", f"<p>{LINK}</p>\n"))


class Sink:
    """Takes what comes."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.envelopes.append(envelope)
        return "250 OK"

    @property
    def messages(self) -> list[EmailMessage]:
        return [read(envelope.content) for envelope in self.envelopes]


def read(content: object) -> EmailMessage:
    assert isinstance(content, bytes)
    message = message_from_bytes(content, policy=SMTPUTF8)
    assert isinstance(message, EmailMessage)
    return message


def authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    assert isinstance(data, LoginPassword)
    is_right = (data.login, data.password) == (b"acme", PASSWORD)
    return AuthResult(success=is_right, handled=False)


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and a relay's certificate for ``localhost`` by it."""

    file: Path
    server: ssl.SSLContext


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"), "localhost", "127.0.0.1")


def make_authority(folder: Path, *names: str) -> Authority:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(context)
    ca.cert_pem.write_to_path(folder / "ca.pem")
    return Authority(folder / "ca.pem", context)


Serve = Callable[..., Awaitable[int]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a relay with a handler, on this loop, and tells its port; ``ssl`` is spoken from the
    first byte.
    """
    servers: list[asyncio.Server] = []

    async def start(handler: object, *, ssl: ssl.SSLContext | None = None, **options: Any) -> int:
        loop = asyncio.get_running_loop()

        def speak() -> SMTP:
            return SMTP(handler, hostname="localhost", loop=loop, **options)

        server = await loop.create_server(speak, "127.0.0.1", 0, ssl=ssl)
        servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


def mailer(
    port: int,
    *,
    encryption: Encryption = Encryption.NONE,
    password: bytes | None = None,
    ca_file: Path | None = None,
    host: str = "localhost",
    patience: Patience | None = None,
) -> SmtpMailer:
    login = Login("acme", Secret(password)) if password else None
    return SmtpMailer(
        Relay(host, port, encryption, login),
        WRITE,
        ca_file=ca_file,
        patience=patience or Patience(5 * SECOND, 10 * SECOND, SECOND),
    )


@dataclass
class Script:
    """What a relay answers, by the first word of a command; ``None`` hangs up, and ``...`` never
    answers. ``"."`` is the end of the content.
    """

    answers: dict[str, str | None] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not await self._answer(writer, "connect", "220 ready"):
                return
            while line := (await reader.readline()).decode().strip():
                word = line.split()[0].upper()
                self.heard.append(line)
                default = {"DATA": "354 go on", "QUIT": "221 bye"}.get(word, "250 OK")
                if not await self._answer(writer, word, default) or word == "QUIT":
                    return
                if word == "DATA" and self.answers.get("DATA", "354").startswith("354"):  # type: ignore[union-attr]
                    self.taken.append(await reader.readuntil(b"\r\n.\r\n"))
                    if not await self._answer(writer, ".", "250 taken"):
                        return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, word: str, default: str) -> bool:
        answer = self.answers.get(word, default)
        if answer == "...":
            await self.is_over.wait()
            return False
        if answer is None:
            return False
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        return True


Play = Callable[[Script], Awaitable[int]]


@asynccontextmanager
async def _playing(script: Script) -> AsyncIterator[int]:
    speaking: set[asyncio.Task[None]] = set()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        speaking.add(task)
        await script.speak(reader, writer)

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        script.is_over.set()
        await asyncio.gather(*speaking)
        await server.wait_closed()


@pytest.fixture
async def play() -> AsyncIterator[Play]:
    """Starts a relay that follows a script, and tells its port."""
    async with AsyncExitStack() as stack:

        async def start(script: Script) -> int:
            return await stack.enter_async_context(_playing(script))

        yield start
