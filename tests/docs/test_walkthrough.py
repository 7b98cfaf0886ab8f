"""`docs/walkthrough.md`, followed to the letter."""

from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

from tests.browser.chromium import AUTHENTICATOR, WITHOUT_AUTOFILL, launched
from tests.docs.shell import ROOT, Shell, Step, a_shell, clicks_of, free_port, steps_of

TEXT = (ROOT / "docs" / "walkthrough.md").read_text("utf-8")
IN_THE_BROWSER, BEHIND = TEXT.index("Now open `http://"), TEXT.index("After another **Sign out**")

# Four commands are not the machine's own. Everything is installed already. The port is one that
# nobody has. The phone's clock is one step late, as the server allows, until the walker has waited:
# so a second code is there at once, and is never older than allowed.
PLACE = """
make() { command make --dry-run "$@" > make.txt; rm make.txt; }
watchword() {
    if [[ $1 == serve ]]; then exec watchword "$@" --port PORT; fi
    command watchword "$@"
}
late=30
date() {
    while (( $(command date +%s) % 30 > 24 )); do command sleep 0.2; done
    echo $(( $(command date +%s) - late ))
}
sleep() { late=0; }
"""


async def test_every_block_does_what_the_page_shows(tmp_path: Path) -> None:
    port = str(free_port())
    text = TEXT.replace("localhost:8000", f"localhost:{port}")
    url = f"http://localhost:{port}"
    with a_shell(tmp_path, WATCHWORD_PUBLIC_URL=url) as shell:
        shell.paste(PLACE.replace("PORT", port))
        before, there, behind = text[:IN_THE_BROWSER], TEXT[IN_THE_BROWSER:BEHIND], text[BEHIND:]
        follow(shell, steps_of(before))
        await walk_in_the_browser(url, clicks_of(there))
        follow(shell, steps_of(behind))


def follow(shell: Shell, steps: list[Step]) -> None:
    assert steps
    for step in steps:
        step.require(shell.paste(step.commands))


async def walk_in_the_browser(url: str, clicks: list[str]) -> None:
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        try:
            page = await browser.new_page()
            await page.add_init_script(WITHOUT_AUTOFILL)
            devtools = await page.context.new_cdp_session(page)
            await devtools.send("WebAuthn.enable", {"enableUI": False})
            await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
            await page.goto(url)
            await click_through(page, clicks)
        finally:
            await browser.close()


async def click_through(page: Page, clicks: list[str]) -> None:
    assert clicks == ["Sign in", "Add a passkey", "Sign out", "Sign in with a passkey"]
    sign_in, add, sign_out, use = [
        page.get_by_role("button", name=name, exact=True) for name in clicks
    ]
    methods = page.locator("#account:visible #methods")
    await page.get_by_label("E-mail").fill("ada@example.com")
    await page.get_by_label("Password").fill("seven green bottles on a wall")
    await sign_in.click()
    await expect(methods).to_have_text("pwd")
    await add.click()
    await expect(page.get_by_role("listitem")).to_have_count(1)
    await sign_out.click()
    await use.click()
    await expect(methods).to_have_text("hwk user mfa")
