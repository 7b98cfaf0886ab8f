"""`docs/walkthrough.md`, followed to the letter."""

from pathlib import Path
from shutil import which

import pytest

from tests.docs.browsing import a_browser, add_a_passkey, come_from_elsewhere
from tests.docs.shell import ROOT, Shell, Step, a_shell, clicks_of, free_port, steps_of
from tests.real_provider import modules_of

# Commands that are not the machine's own. Everything is installed already. The ports are some that
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


def node_with(modules: Path) -> str:
    """What npm would bring is there."""
    return f"""
npm() {{ [[ "$*" == "ci --prefix provider --silent" ]]; ln -s "{modules}" provider/node_modules; }}
node() {{ exec "{which("node")}" "$@"; }}
"""


def parts_of(text: str, *openings: str) -> list[str]:
    """What stands before the first of ``openings``, between them, and behind the last."""
    parts = []
    for opening in openings:
        before, found, behind = text.partition(opening)
        assert found, opening
        parts.append(before)
        text = found + behind
    return [*parts, text]


async def test_every_block_does_what_the_page_shows(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    ours, theirs = free_port(), free_port()
    url, provider = f"http://localhost:{ours}", f"http://127.0.0.1:{theirs}"
    text = (ROOT / "docs" / "walkthrough.md").read_text("utf-8")
    text = text.replace("http://localhost:8000", url).replace("http://127.0.0.1:9000", provider)
    alone, in_browser, behind, elsewhere, in_browser_again, end = parts_of(
        text,
        *("Now open `http://", "After another **Sign out**", "## Another provider"),
        *("Open `http://", "What leads to an account"),
    )
    with a_shell(tmp_path, WATCHWORD_PUBLIC_URL=url) as shell:
        shell.paste(PLACE.replace("PORT", str(ours)))
        follow(shell, steps_of(alone))
        async with a_browser() as page:
            await add_a_passkey(page, url, clicks_of(in_browser))
        follow(shell, steps_of(behind))
        shell.paste(node_with(modules_of(pytestconfig)))
        follow(shell, steps_of(elsewhere))
        async with a_browser() as page:
            await come_from_elsewhere(page, url, provider, clicks_of(in_browser_again))
        follow(shell, steps_of(end))


def follow(shell: Shell, steps: list[Step]) -> None:
    assert steps
    for step in steps:
        step.require(shell.paste(step.commands))
