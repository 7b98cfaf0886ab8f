"""Every form, sent with what nobody would type: nothing fails, nothing runs."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.driving import ORIGIN, serving
from tests.web.pages.operator import BOB, an_operator, id_of
from watchword.web.pages.routes import PAGES
from watchword.web.policies import PUBLIC

# What would end the account or the session of who sends them is left out.
FORMS = [
    route
    for route in PAGES
    if route.body and not route.path.endswith(("/delete", "/sign-out", "/sign-out-everywhere"))
]


@pytest.mark.parametrize(
    "typed",
    [
        *("", " " * 5_000, "x" * 20_000, "\u0301" * 9_000, "x\0y", "\r\nSet-Cookie: a=b"),
        *("'\"><script>alert(1)</script>", "{{ 7 * 7 }}{0.__class__}%s", "\u202egnp.exe"),
        *("\uff11\uff12\uff13\uff14\uff15\uff16", "a@b@c", "=1+1"),
    ],
    ids=lambda typed: ascii(typed[:12]),
)
async def test_i01_whatever_is_typed_no_form_fails(tmp_path: Path, typed: str) -> None:
    limits: dict[str, Any] = dict.fromkeys(("limit_auth", "limit_sign_in", "limit_mail_client"))
    async with serving(tmp_path, **limits) as server:
        await server.register(BOB)
        root = await an_operator(server)
        for route in FORMS:
            assert route.body is not None
            page = await root.look("/account")
            fields = {field.encode_name: typed for field in msgspec.structs.fields(route.body)}
            if route.who is not PUBLIC:
                fields["csrfToken"] = page.form("/account/name").fields["csrfToken"]
            user = await id_of(server, BOB) if "/console" in route.path else "x"
            answer = await root.client.post(
                route.path.replace("{id}", user).replace("{provider}", "x"),
                data=fields,
                headers={"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN},
            )
            assert answer.status_code < 500, route.path
            is_file = "content-disposition" in answer.headers  # and JSON, which nobody draws
            assert is_file or "<script>alert" not in answer.text
            assert "set-cookie" not in answer.headers
            if answer.status_code == 303:
                assert answer.headers["location"].startswith("/")
