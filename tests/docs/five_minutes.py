"""The five minutes with curl of `README.md`, followed to the letter."""

import re
from pathlib import Path

from tests.docs.shell import ROOT, a_shell

_WRITTEN_FOR = "http://localhost:8000"


def follow(address: str, folder: Path) -> None:
    """On the server at ``address``. Fail unless everything is said that a newcomer expects."""
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(r"<!-- walk-through: begin -->\n```sh\n(.*?)```\n", text, re.DOTALL)
    assert found is not None
    with a_shell(folder) as shell:
        said = shell.paste(found[1].replace(_WRITTEN_FOR, address))
    registered, profile, sessions, signed_out, refused = said.splitlines()
    assert "The account was made." in registered
    assert '"email":"ada@example.com"' in profile
    assert sessions.count('"current":true') == 1
    assert "signed out" in signed_out
    assert "SESSION_REVOKED" in refused
