"""A caller that never asks anybody: what a worker, or a node, says once a session is revoked."""

import json
from collections.abc import Mapping
from itertools import chain, repeat

from bench.caller import Caller, Timed
from bench.jobs.revocation import Victim

VICTIM = Victim(session_id="session", token="token", revoker="revoker")
ACCEPTED, REFUSED = (200, ""), (401, "SESSION_REVOKED")


class Scripted(Caller):
    """Accepts all that is waited for. ``answers`` come in turn to what is sent and received by
    itself, the last for good; ``seen`` tells of both.
    """

    def __init__(self, *answers: tuple[int, str], worker: str = "11111111") -> None:
        self.seen: list[str] = []
        self._worker = worker
        self._answers = chain(answers, repeat(answers[-1] if answers else ACCEPTED))

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        content: Mapping[str, object] | None = None,
        expect: int = 200,
    ) -> Timed:
        self.seen.append(f"{method} {path} by {token}")
        return self._answer(expect, "")

    def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        content: Mapping[str, object] | None = None,
    ) -> None:
        self.seen.append(f"sent {method} {path} by {token}")

    def receive(self) -> Timed:
        return self._answer(*next(self._answers))

    def _answer(self, status: int, code: str) -> Timed:
        headers = [("x-request-id", f"{self._worker}00000001")]
        return Timed(status, headers, json.dumps({"code": code}).encode(), 0.001)
