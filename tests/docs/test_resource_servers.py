"""`docs/resource-servers.md`, followed to the letter."""

from pathlib import Path

from tests.docs.shell import ROOT, a_shell, free_port, steps_of

TEXT = (ROOT / "docs" / "resource-servers.md").read_text("utf-8")

# Everything is installed already, and the ports are ones that nobody has.
PLACE = """
make() { command make --dry-run "$@" > make.txt; rm make.txt; }
watchword() {
    if [[ $1 == serve ]]; then exec watchword "$@" --port SERVER; fi
    command watchword "$@"
}
"""


def test_every_block_does_what_the_page_shows(tmp_path: Path) -> None:
    server, service = str(free_port()), str(free_port())
    url = f"http://localhost:{server}"
    text = TEXT.replace("localhost:8000", f"localhost:{server}")
    steps = steps_of(text.replace("localhost:9000", f"localhost:{service}"))
    assert len(steps) == 4
    with a_shell(tmp_path, WATCHWORD_PUBLIC_URL=url, ISSUER=url, PORT=service) as shell:
        shell.paste(PLACE.replace("SERVER", server))
        for step in steps:
            step.require(shell.paste(step.commands))
