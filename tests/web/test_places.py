"""Where a session is, as clients and mails say it: by a database on this machine, or not at all."""

from pathlib import Path

import pytest

from tests.adapters.maxmind.archives import CITIES, LONDON
from tests.adapters.maxmind.server import archive_server
from tests.driving import Server, serving
from tests.web.places import put_places

UNITED_KINGDOM = {"country": "United Kingdom", "city": "London"}


async def locations(server: Server, ip: str) -> list[object]:
    """Of the one session there is, by every answer that shows it."""
    ada = await server.sign_in(ip=ip)
    listed = (await ada.get("/sessions")).json()["sessions"]
    profile = (await ada.get("/profile")).json()["session"]
    return [session["location"] for session in (ada.answer["session"], *listed, profile)]


class TestASession:
    async def test_says_where_it_is(self, tmp_path: Path) -> None:
        put_places(tmp_path)
        async with serving(tmp_path) as server:
            await server.register()
            assert await locations(server, LONDON) == [UNITED_KINGDOM] * 3

    async def test_says_the_country_alone_where_no_city_is_known(self, tmp_path: Path) -> None:
        put_places(tmp_path)
        async with serving(tmp_path) as server:
            await server.register()
            assert (
                await locations(server, "2001:218::1") == [{"country": "Japan", "city": None}] * 3
            )

    @pytest.mark.parametrize("ip", ["198.51.100.7", "127.0.0.1"])
    async def test_says_nothing_of_an_address_that_is_not_known(
        self, tmp_path: Path, ip: str
    ) -> None:
        put_places(tmp_path)
        async with serving(tmp_path) as server:
            await server.register()
            assert await locations(server, ip) == [None] * 3

    @pytest.mark.parametrize("content", [b"", CITIES[:-500]])
    async def test_says_nothing_by_a_broken_database(self, tmp_path: Path, content: bytes) -> None:
        put_places(tmp_path, content)
        async with serving(tmp_path) as server:
            await server.register()
            assert await locations(server, LONDON) == [None] * 3
            assert "places_unusable" in {event for event, _ in server.log.events}

    async def test_says_where_it_is_by_a_database_that_came_later(self, server: Server) -> None:
        await server.register()
        ada = await server.sign_in(ip=LONDON)
        assert ada.answer["session"]["location"] is None
        put_places(server.core.settings.data_dir)
        await server.core.place_keeper.turn()
        (session,) = (await ada.get("/sessions")).json()["sessions"]
        assert session["location"] == UNITED_KINGDOM

    async def test_says_it_by_a_database_that_was_fetched(self, tmp_path: Path) -> None:
        async with (
            archive_server() as offering,
            serving(tmp_path, geo_download_url=offering.archive_url) as server,
        ):
            await server.register()
            assert await locations(server, LONDON) == [None] * 3
            await server.core.place_keeper.turn()
            ada = await server.sign_in(ip=LONDON)
            assert ada.answer["session"]["location"] == UNITED_KINGDOM
            assert "authorization" not in "".join(offering.requests).lower()
            assert [event for event, _ in server.log.events if "places" in event] == [
                "places_fetched"
            ]


class TestAMail:
    async def test_says_where_it_was_with_the_address(self, tmp_path: Path) -> None:
        put_places(tmp_path)
        async with serving(tmp_path) as server:
            await server.register()
            await server.sign_in(ip="198.51.100.7")
            await server.mails()
            await server.sign_in(ip=LONDON)
            mail = await server.mail()
            place = f"London, United Kingdom ({LONDON})"
            assert f"Place:  {place}\r\n" in mail.text
            assert f"Place: {place}" in mail.html

    async def test_says_the_address_alone_where_nothing_is_known(self, server: Server) -> None:
        await server.register()
        await server.sign_in(ip="198.51.100.7")
        await server.mails()
        await server.sign_in(ip=LONDON)
        mail = await server.mail()
        assert f"Place:  {LONDON}\r\n" in mail.text
        assert f"Place: {LONDON}" in mail.html
