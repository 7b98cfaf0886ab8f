"""Connections to one Redis or Valkey: bounded in number, and every wait in time.

Invariant: a command is sent once. A second try could count an attempt twice, and would wait twice.
"""

import asyncio
import ssl
from pathlib import Path
from typing import Any, Final, TypeAlias

from redis.asyncio import BlockingConnectionPool, Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import NoScriptError

from watchword.adapters.redis.address import Address
from watchword.adapters.redis.failures import FAILURES, SUSPICIOUS, RedisForbidden, explain
from watchword.adapters.redis.scripts import Script
from watchword.adapters.redis.trust import make_tls
from watchword.crypto.secret import Secret
from watchword.domain.time import SECOND, Span

Word: TypeAlias = str | bytes | int
Words: TypeAlias = tuple[Word, ...]
Reply: TypeAlias = int | bytes | list["Reply"] | None

_OF_THE_SERVER: Final = 0.75  # of our patience: sooner than ours, so that it is known who was slow
_PROTOCOL: Final = 2  # RESP2 needs no greeting


class _Login(CredentialProvider):
    """Keeps the password out of the options of the pool, which the library shows."""

    def __init__(self, login: tuple[str, Secret]) -> None:
        self._user, self._password = login

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        password = self._password.reveal().decode()
        return (self._user, password) if self._user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()


class _EncryptedConnection(SSLConnection):
    """The library adds an authority to those of the system; here one that is named stands alone."""

    def __init__(self, *, tls: ssl.SSLContext, **options: Any) -> None:  # noqa: ANN401  its affair
        super().__init__(**options)
        self.ssl_context.context = tls


class Connections:
    """At most ``size`` connections, opened when they are needed. No command takes longer than
    ``patience`` ms, with the wait for a connection and everything else; then, or when Redis
    refuses, it raises `RedisFailed`. A server that was restarted is found by the next command.

    With ``rediss://`` its certificate and the name in it are verified; ``ca_file`` is a PEM file of
    who has signed it, in the place of those whom the system trusts.
    """

    def __init__(
        self,
        url: Secret,
        *,
        ca_file: Path | None = None,
        size: int = 16,
        patience: Span = SECOND,
    ) -> None:
        self.address = Address.parse(url)
        self._patience = patience / SECOND
        self._options = self._make_options(ca_file)
        self._pool = BlockingConnectionPool(
            max_connections=size,
            timeout=self._patience,
            connection_class=self._kind,
            protocol=_PROTOCOL,
            **self._options,
        )
        # The pool's own turns are lost with whoever is cancelled when it is theirs (Python before
        # 3.13), and the next would wait in vain.
        self._room = asyncio.Semaphore(size)
        self._suspicions = 0
        self._checked: dict[Connection, int] = {}

    @property
    def _kind(self) -> type[Connection]:
        return _EncryptedConnection if self.address.is_encrypted else Connection

    def _make_options(self, ca_file: Path | None) -> dict[str, Any]:
        address = self.address
        options: dict[str, Any] = {
            "host": address.host,
            "port": address.port,
            "db": address.database,
            # Every wait has its end here: the library's own, by `wait_for`, loses a cancellation
            # that comes at the wrong moment (Python before 3.12).
            "socket_timeout": None,
            "socket_connect_timeout": self._patience,
            "socket_keepalive": True,
            "retry": Retry(NoBackoff(), 0),
            "driver_info": None,
        }
        if address.login is not None:
            options["credential_provider"] = _Login(address.login)
        if address.is_encrypted:
            options["tls"] = make_tls(ca_file)
        return options

    def make_subscriber(self) -> Connection:
        """A connection of its own, not opened yet; its user puts an end to each wait."""
        return self._kind(protocol=_PROTOCOL, **self._options)

    async def run(self, script: Script, key: str, *arguments: Word) -> Reply:
        """By its hash; a server that does not know it, which then has done nothing, is sent the
        text.
        """
        whole = ("EVAL", script.text, 1, key, *arguments)
        return await self._ask("EVALSHA", script.sha, 1, key, *arguments, instead=whole)

    async def command(self, *words: Word) -> Reply:
        return await self._ask(*words)

    async def check(self, key: str) -> None:
        """Raise `RedisFailed` unless it takes a write; ``key`` is one for this."""
        await self._ask("SET", key, 1, "PX", SECOND)

    async def eviction_policy(self) -> str | None:
        """What is thrown away when memory is short (``maxmemory-policy``). None when this user may
        not ask. Raise `RedisFailed` when nobody answers.
        """
        try:
            told = await self._ask("INFO", "memory")
        except RedisForbidden:
            return None
        lines = (told if isinstance(told, bytes) else b"").decode("ascii", "replace").split()
        named = dict(line.partition(":")[::2] for line in lines)
        return named.get("maxmemory_policy")

    async def _ask(self, *words: Word, instead: Words = ()) -> Reply:
        try:
            async with asyncio.timeout(self._patience), self._room:
                try:
                    return await self._answer_to(words)
                except NoScriptError:
                    return await self._answer_to(instead)
        except FAILURES as error:
            failure = explain(error)
        raise failure

    async def _answer_to(self, words: Words) -> Reply:
        connection: Connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            if self._checked.get(connection, self._suspicions) != self._suspicions:
                await connection.disconnect(nowait=True)
            self._checked[connection] = self._suspicions
            async with asyncio.timeout(self._patience * _OF_THE_SERVER):
                await connection.send_command(*words)
                reply: Reply = await connection.read_response()
            return reply
        except SUSPICIOUS:
            self._suspicions += 1
            raise
        finally:
            await self._pool.release(connection)

    async def close(self) -> None:
        await self._pool.aclose()
