"""The five minutes with curl of `README.md`, followed to the letter."""

import re
from pathlib import Path

from tests.docs.shell import ROOT, a_shell
from tests.proof.processes import a_server

TEXT = (ROOT / "README.md").read_text("utf-8")


async def test_the_five_minutes_with_curl_take_an_account_in_and_out(tmp_path: Path) -> None:
    found = re.search(r"<!-- walk-through: begin -->\n```sh\n(.*?)```\n", TEXT, re.DOTALL)
    assert found is not None
    async with a_server(tmp_path) as (_, address):
        with a_shell(tmp_path) as shell:
            said = shell.paste(found[1].replace("http://localhost:8000", address))
    registered, profile, sessions, signed_out, refused = said.splitlines()
    assert "The account was made." in registered
    assert '"email":"ada@example.com"' in profile
    assert sessions.count('"current":true') == 1
    assert "signed out" in signed_out
    assert "SESSION_REVOKED" in refused
