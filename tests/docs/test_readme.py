"""What `README.md` tells a newcomer to do does what it says."""

from pathlib import Path

from tests.docs.five_minutes import follow
from tests.proof.processes import a_server


async def test_the_five_minutes_with_curl_take_an_account_in_and_out(tmp_path: Path) -> None:
    async with a_server(tmp_path) as (_, address):
        follow(address, tmp_path)
