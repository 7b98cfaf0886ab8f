"""Pictures of what the tests saw are there for whoever wants them."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.album import Album

pytestmark = pytest.mark.asyncio(loop_scope="module")

PNG = b"\x89PNG\r\n\x1a\n"


def pictures(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def look(album: Album, browser: Browser) -> None:
    async with album.context(browser) as context:
        await (await context.new_page()).goto("about:blank")


async def test_how_a_browser_looked_at_last_is_kept_under_the_name_of_the_test(
    browser: Browser, tmp_path: Path
) -> None:
    await look(Album(tmp_path, "test_of_something"), browser)
    (picture,) = pictures(tmp_path)
    assert picture.name == "test_of_something-01-blank.png"
    assert picture.read_bytes().startswith(PNG)


async def test_nothing_is_kept_where_nobody_wants_it(browser: Browser, tmp_path: Path) -> None:
    album = Album(None, "test_of_something")
    await look(album, browser)
    assert album.taken == 0


@pytest.mark.parametrize(
    ("chosen", "in_ci", "expected"),
    [("/tmp/seen", True, "/tmp/seen"), (None, True, "screenshots"), (None, False, None)],
)
async def test_the_environment_says_where(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    chosen: str | None,
    in_ci: bool,
    expected: str | None,
) -> None:
    for name, value in (("WATCHWORD_TEST_SCREENSHOTS", chosen), ("CI", "true" if in_ci else None)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    folder = Album.of(request.node).folder
    root = request.config.rootpath
    assert folder == (None if expected is None else root / expected)
