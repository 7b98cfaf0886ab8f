"""The first five minutes of a person with Watchword."""

from tests.driving import PASSWORD, Server


async def test_a_person_registers_signs_in_is_refreshed_and_signs_out(server: Server) -> None:
    await server.register()
    holder = await server.sign_in()
    profile = await holder.get("/profile")
    assert profile.json()["user"]["email"] == "ada@example.com"
    server.clock.advance(5 * 60_000)
    assert (await holder.get("/profile")).json()["code"] == "TOKEN_EXPIRED"
    assert (await holder.refresh()).status_code == 200
    assert (await holder.get("/profile")).status_code == 200
    assert (await holder.post("/auth/logout")).status_code == 200
    assert (await holder.get("/profile")).json()["code"] == "SESSION_REVOKED"
    assert PASSWORD not in repr(server.log.events)
