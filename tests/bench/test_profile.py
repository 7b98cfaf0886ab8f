"""The close look at a profile notices what a load generator cannot."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.client import Client, Reply
from bench.figures import BenchFailed
from bench.ground import Watchword
from bench.jobs.profile import Profile
from bench.load import USER_AGENT
from bench.processes import Service
from bench.stores import SqliteHome

USER = {"id": "user", "email": "reader@example.com"}
SESSION = {
    "id": "session",
    "userAgent": USER_AGENT,
    "current": True,
    "lastSeenAt": "2026-11-20T12:00:00Z",
    "idleExpiresAt": "2026-12-04T12:00:00Z",
}


class Answering(Client):
    """Signs in, and shows the profile that it is told to."""

    def __init__(self) -> None:
        super().__init__(0)
        self.profile: dict[str, Any] = {"message": "…", "user": USER, "session": SESSION}

    def get(self, path: str, *, token: str | None = None) -> Reply:
        return Reply(200, [], json.dumps(self.profile).encode())

    def post(self, path: str, content: object, *, expect: int = 200) -> Any:
        tokens = {"accessToken": "access", "refreshToken": "refresh"}
        return {**tokens, "user": USER, "session": SESSION}


class Nowhere(Service):
    def __init__(self) -> None:
        self.port = 0


@pytest.fixture
def client() -> Answering:
    return Answering()


@pytest.fixture
def profile(client: Answering, tmp_path: Path) -> Profile:
    return Profile(Watchword(Nowhere(), client, SqliteHome(tmp_path, {}), ()))


def test_times_may_move(client: Answering, profile: Profile) -> None:
    client.profile["session"] = {**SESSION, "lastSeenAt": "2026-11-20T12:00:01Z"}
    profile.look_at_protected()
    profile.look_at_open()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"user": {**USER, "id": "resu"}}, id="another user"),
        pytest.param({"session": {**SESSION, "id": "noisses"}}, id="another session"),
        pytest.param({"session": {**SESSION, "current": False}}, id="not the current one"),
        pytest.param({"message": "!"}, id="another message"),
        pytest.param({"more": 1}, id="something more"),
    ],
)
def test_nothing_else_may(change: Any, client: Answering, profile: Profile) -> None:
    client.profile |= change
    with pytest.raises(BenchFailed, match="not the profile"):
        profile.look_at_protected()
    with pytest.raises(BenchFailed, match="not the profile"):
        profile.look_at_open()
