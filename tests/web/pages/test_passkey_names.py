"""Names of passkeys: refused where they are typed, and before a browser has made one."""

from tests.driving import Server
from tests.web.passkeys import add, an_authenticator
from tests.web.visitor import Visitor
from watchword.domain.factors import PASSKEY_NAME_LIMIT


async def with_two_passkeys(server: Server) -> tuple[Visitor, list[str]]:
    await server.register()
    holder = await server.sign_in()
    ids = [
        (await add(holder, an_authenticator(seed), name=name))["id"]
        for seed, name in ((1, "Phone"), (2, "Key"))
    ]
    ada = Visitor(server)
    await ada.sign_in()
    return ada, ids


async def test_a_name_that_is_refused_is_kept_with_the_reason_beside_it(server: Server) -> None:
    ada, (_, key) = await with_two_passkeys(server)
    page = await ada.look("/account/passkeys")
    long = "Key in the drawer " * 9
    again = await ada.send(page.form(f"/account/passkeys/{key}/name"), name=long)
    assert again.status == 422
    assert again.problems == {f"name-{key}": f"Use at most {PASSKEY_NAME_LIMIT} characters."}
    assert again.focus == [f"name-{key}"]
    assert f'aria-invalid="true" aria-describedby="name-{key}-problem"' in again.answer.text
    names = [form.fields.get("name") for form in again.forms]
    assert {name for name in names if name is not None} == {"Phone", long}


async def test_one_that_was_removed_meanwhile_is_told_so(server: Server) -> None:
    ada, (phone, _) = await with_two_passkeys(server)
    form = (await ada.look("/account/passkeys")).form(f"/account/passkeys/{phone}/remove")
    await ada.send(form)
    again = await ada.send(form)
    assert (again.status, again.alert) == (404, "There is no such passkey.")


async def test_no_name_is_typed_that_would_be_refused_once_the_browser_has_made_it(
    server: Server,
) -> None:
    ada, _ = await with_two_passkeys(server)
    page = await ada.look("/account/passkeys/add")
    assert f'maxlength="{PASSKEY_NAME_LIMIT}"' in page.answer.text
