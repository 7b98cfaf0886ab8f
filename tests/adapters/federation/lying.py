"""A provider that says whatever a test wants it to say, over HTTP on this machine."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from joserfc.jwa import EdDSAAlgorithm, ESAlgorithm, JWSAlgModel, RSAAlgorithm, RSAPSSAlgorithm
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from watchword.domain.time import SECOND
from watchword.testing import FakeClock

CLIENT_ID = "watchword"
SECRET = "a client secret"
CODE = "the-code"
ACCESS_TOKEN = "the-access-token"

RSA = RSAKey.generate_key(2048)
KEYS: dict[str, Key] = {
    "RS256": RSA,
    "PS256": RSA,
    "RS512": RSA,
    "ES256": ECKey.generate_key("P-256"),
    "ES384": ECKey.generate_key("P-384"),
    "EdDSA": OKPKey.generate_key("Ed25519"),
}
SIGNERS: dict[str, JWSAlgModel] = {
    "RS256": RSAAlgorithm(256),
    "PS256": RSAPSSAlgorithm(256),
    "RS512": RSAAlgorithm(512),
    "ES256": ESAlgorithm("ES256", "P-256", 256),
    "ES384": ESAlgorithm("ES384", "P-384", 384),
    "EdDSA": EdDSAAlgorithm(),
}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """``is_late``: it never comes."""

    body: bytes
    status: int = 200
    headers: tuple[str, ...] = ("content-type: application/json",)
    is_late: bool = False


def as_json(document: object, status: int = 200) -> Answer:
    return Answer(json.dumps(document).encode(), status)


@dataclass
class LyingProvider:
    """Honest until a test changes something: ``metadata``, ``jwks``, ``claims``, ``tokens``, or the
    whole ``answers`` of a path.
    """

    issuer: str
    clock: FakeClock
    algorithm: str = "ES256"
    header: dict[str, Any] = field(default_factory=lambda: {"kid": "k1"})
    claims: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    jwks: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    make_id_token: Callable[[dict[str, Any]], str] | None = None
    wanted: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.metadata = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": [*KEYS, "none", "HS256"],
            "code_challenge_methods_supported": ["S256"],
        }
        self.publish("ES256")

    def publish(self, algorithm: str, **members: Any) -> None:
        """The key set is the one key for ``algorithm``, with these members changed."""
        self.algorithm = algorithm
        public = KEYS[algorithm].as_dict(private=False)
        self.jwks = {"keys": [{**public, "kid": "k1", "use": "sig", "alg": algorithm, **members}]}

    def count(self, path: str) -> int:
        return sum(asked.path == path for asked in self.asked)

    def approve(self, url: str) -> list[tuple[str, str]]:
        """What the browser brings back after ``url``."""
        self.wanted = dict(parse_qsl(urlsplit(url).query))
        return [("code", CODE), ("state", self.wanted.get("state", ""))]

    def honest_claims(self) -> dict[str, Any]:
        now = self.clock.now() // SECOND
        return {
            "iss": self.issuer,
            "sub": "ada-1",
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "nonce": self.wanted.get("nonce"),
            "email": "ada@example.com",
            "email_verified": True,
            "name": "Ada",
        }

    def id_token(self) -> str:
        changed = {**self.honest_claims(), **self.claims}
        claims = {name: value for name, value in changed.items() if value is not ...}
        if self.make_id_token is not None:
            return self.make_id_token(claims)
        return sign(claims, {"alg": self.algorithm, **self.header}, KEYS[self.algorithm])

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if asked.path in self.answers:
            return self.answers[asked.path]
        match asked.path:
            case "/.well-known/openid-configuration":
                return as_json(self.metadata)
            case "/keys":
                return as_json(self.jwks)
            case "/token":
                return self._exchange(asked)
            case "/userinfo":
                return as_json({"sub": "ada-1", **self.userinfo})
        return as_json({}, 404)

    def _exchange(self, asked: Asked) -> Answer:
        challenge = hashlib.sha256(asked.form["code_verifier"].encode()).digest()
        text = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        if asked.form["code"] != CODE or text != self.wanted["code_challenge"]:
            return as_json({"error": "invalid_grant"}, 400)
        honest = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": self.id_token()}
        return as_json({**honest, **self.tokens})


def sign(claims: dict[str, Any] | str, header: dict[str, Any], key: Key | bytes) -> str:
    """A token of any header and any text, made without any of our refusals; bytes are for HMAC."""
    text = claims if isinstance(claims, str) else json.dumps(claims)
    parts = [json.dumps(header).encode(), text.encode()]
    signed = b".".join(map(_encode, parts))
    if isinstance(key, bytes):
        signature = hmac.digest(key, signed, "sha256")
    else:
        signature = SIGNERS[header["alg"]].sign(signed, key)
    return (signed + b"." + _encode(signature)).decode()


def _encode(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


@asynccontextmanager
async def lying(
    clock: FakeClock, tls: ssl.SSLContext | None = None
) -> AsyncIterator[LyingProvider]:
    """One that listens on a port of its own until the block ends."""
    calls: set[asyncio.Task[None]] = set()
    told: list[LyingProvider] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await _read(reader)
            answer = told[0].answer(asked)
            if answer.is_late:
                await asyncio.Event().wait()
            head = [f"HTTP/1.1 {answer.status} X", *answer.headers, "connection: close"]
            head.append(f"content-length: {len(answer.body)}")
            writer.write("\r\n".join([*head, "", ""]).encode() + answer.body)
            await writer.drain()
        except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.ensure_future(serve(reader, writer))
        calls.add(call)
        call.add_done_callback(calls.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    scheme = "http" if tls is None else "https"
    told.append(LyingProvider(f"{scheme}://127.0.0.1:{port}", clock))
    try:
        yield told[0]
    finally:
        server.close()
        for call in list(calls):
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await server.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, urlsplit(target).path, headers, dict(parse_qsl(body.decode())))
