"""``GET /profile`` of one session, with the close look at its answer; and the same answer, open."""

from typing import Final

from bench.client import Json, Reply
from bench.figures import BenchFailed
from bench.ground import READER, Watchword
from bench.load import USER_AGENT, Load
from bench.server import OPEN_PATH, OPEN_SESSION

CONNECTIONS: Final = 64

_MOVING: Final = ("lastSeenAt", "idleExpiresAt")  # they follow the session's last use


class Profile:
    """Signs in once, and is refreshed before each use."""

    def __init__(self, watchword: Watchword) -> None:
        self._watchword = watchword
        grant = watchword.client.sign_in(READER)
        self._refresh_token = str(grant["refreshToken"])
        self._access_token = str(grant["accessToken"])
        self._user = grant["user"]
        self._session_id = str(grant["session"]["id"])
        self._reference = self._protected()
        self.require_right(self._reference)

    def make_open(self) -> None:
        """Let the open route answer with this session, on this server from now on."""
        (self._watchword.data / OPEN_SESSION).write_text(self._session_id, "ascii")

    def renew(self) -> None:
        """Before the access token expires."""
        content = {"refreshToken": self._refresh_token}
        grant = self._watchword.client.post("/auth/refresh", content)
        self._refresh_token = str(grant["refreshToken"])
        self._access_token = str(grant["accessToken"])

    def protected_load(self, seconds: float, *, connections: int = CONNECTIONS) -> Load:
        return Load(
            port=self._watchword.service.port,
            path="/profile",
            connections=connections,
            seconds=seconds,
            headers={"Authorization": f"Bearer {self._access_token}"},
            size=self._reference.size,
        )

    def open_load(self, seconds: float) -> Load:
        return Load(
            port=self._watchword.service.port,
            path=OPEN_PATH,
            connections=CONNECTIONS,
            seconds=seconds,
            size=self._reference.size,
        )

    def look_at_protected(self) -> None:
        self.require_right(self._protected())

    def look_at_open(self) -> None:
        self.require_right(self._watchword.client.get(OPEN_PATH))

    def _protected(self) -> Reply:
        return self._watchword.client.get("/profile", token=self._access_token)

    def require_right(self, reply: Reply) -> None:
        """The whole answer, but for the times that move. Raise `BenchFailed`."""
        content, reference = reply.content, self._reference.content
        is_ours = (
            content["user"] == self._user
            and content["session"]["id"] == self._session_id
            and content["session"]["userAgent"] == USER_AGENT
            and content["session"]["current"] is True
        )
        if (
            not is_ours
            or reply.size != self._reference.size
            or _still(content) != _still(reference)
        ):
            raise BenchFailed(f"This is not the profile that was expected: {reply.body!r}")


def _still(content: Json) -> Json:
    session = {key: value for key, value in content["session"].items() if key not in _MOVING}
    return {**content, "session": session}
