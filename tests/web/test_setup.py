"""The way in for the first administrator."""

from tests.driving import PASSWORD, Server
from tests.web.raw import hashes


async def test_x01_a_guessed_token_costs_no_hashing(server: Server) -> None:
    before = hashes(server)
    answer = await server.client().post(
        "/auth/setup",
        json={"token": "guessed", "email": "root@example.com", "password": PASSWORD},
    )
    assert answer.json()["code"] == "INVALID_OR_EXPIRED_LINK"
    assert hashes(server) == before
