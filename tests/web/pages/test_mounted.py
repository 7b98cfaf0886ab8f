"""Pages of a Watchword that is mounted below a path of another application."""

import httpx2
import pytest

from tests.driving import ORIGIN, PASSWORD, Server
from tests.web.visitor import ADA, Page

ROOT = "/inner"


@pytest.fixture
def client(server: Server) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=server.app, root_path=ROOT)
    return httpx2.AsyncClient(
        transport=transport,
        base_url=ORIGIN,
        headers={"Accept": "text/html", "Sec-Fetch-Site": "same-origin"},
    )


async def test_lead_nowhere_but_below_it(server: Server, client: httpx2.AsyncClient) -> None:
    await server.register()
    page = Page(await client.get(f"{ROOT}/sign-in"))
    links = [link for link in page.links if not link.startswith("#")]
    assert links
    assert all(link.startswith(f"{ROOT}/") for link in links)
    assert {form.action for form in page.forms} == {f"{ROOT}/sign-in"}
    for link in links:
        assert (await client.get(link)).status_code in {200, 303}
    answer = await client.post(f"{ROOT}/sign-in", data={"email": ADA, "password": PASSWORD})
    assert answer.headers["location"] == f"{ROOT}/account"
    await client.aclose()


async def test_a_page_for_users_is_come_back_to(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"{ROOT}/account/devices")
    assert answer.headers["location"] == f"{ROOT}/sign-in?returnTo={ROOT}/account/devices"
    sent = await client.post(f"{ROOT}/account/devices/end-others")
    assert sent.headers["location"] == f"{ROOT}/sign-in?returnTo={ROOT}/account/devices"
    await client.aclose()
