"""The settings in force and the state of health: all of it, and no secret."""

import re
from pathlib import Path
from typing import Any, Final

from tests.driving import Server, serving
from tests.web.contract import change_rows
from tests.web.pages.operator import an_operator
from watchword.crypto.secret import Secret

SECRETS: Final[dict[str, Any]] = {
    "secret": (Secret(b"the-first-of-two-master-secrets-0123"), Secret(b"x" * 16 + b"y" * 20)),
    "metrics_token": Secret(b"a-token-of-the-metrics-0123456789"),
    "service_tokens": (Secret(b"a-token-of-the-services-0123456789abcdef"),),
}


async def test_every_setting_is_shown_as_doctor_shows_it(server: Server) -> None:
    root = await an_operator(server)
    page = await root.look("/console/settings")
    for row in server.core.settings.describe():
        assert row.name in page.text
        assert row.value in page.text


async def test_s14_no_secret_is_shown(tmp_path: Path) -> None:
    async with serving(tmp_path, **SECRETS) as server:
        root = await an_operator(server)
        page = await root.look("/console/settings")
        assert "<hidden>, <hidden>" in page.text
        for secrets in SECRETS.values():
            for secret in secrets if isinstance(secrets, tuple) else (secrets,):
                assert secret.reveal().decode() not in page.answer.text


async def test_what_is_well_is_shown_with_its_time(server: Server) -> None:
    root = await an_operator(server)
    page = await root.look("/console/settings")
    assert re.search(r"<dt>database</dt><dd>well <span .*?>[0-9.]+ ms</span>", page.answer.text)


async def test_x10_what_is_not_well_is_named_and_its_reason_stays_in_the_log(
    server: Server,
) -> None:
    root = await an_operator(server)

    await change_rows(server, "ALTER TABLE limits RENAME TO out_of_the_way")
    page = await root.look("/console/settings")
    assert page.status == 200
    assert '<dt>database</dt><dd><strong class="failed">failed</strong>' in page.answer.text
    (reason,) = [told["reason"] for event, told in server.log.events if event == "not_ready"]
    assert str(reason) not in page.answer.text
