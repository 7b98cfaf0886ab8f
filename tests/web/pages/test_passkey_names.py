"""Names of passkeys: refused where they are typed, and before a browser has made one."""

from tests.driving import Server
from tests.web.contract import change_rows, rows
from tests.web.passkeys import add, an_authenticator
from tests.web.visitor import Visitor
from watchword.domain.factors import PASSKEY_NAME_LIMIT
from watchword.domain.time import MINUTE

HOME = "/account/passkeys"


async def with_passkeys(server: Server, *names: str) -> tuple[Visitor, list[str]]:
    """Ada in front of her pages, and the ids of her passkeys."""
    await server.register()
    holder = await server.sign_in()
    ids = [
        (await add(holder, an_authenticator(seed), name=name))["id"]
        for seed, name in enumerate(names, 1)
    ]
    ada = Visitor(server)
    await ada.sign_in()
    return ada, ids


def names(server: Server) -> list[str]:
    return [str(name) for (name,) in rows(server, "SELECT name FROM passkeys ORDER BY name")]


async def test_one_is_renamed(server: Server) -> None:
    ada, (phone, _) = await with_passkeys(server, "Phone", "Key")
    page = await ada.look(HOME)
    page = await ada.send(page.form(f"{HOME}/{phone}/name"), name="Old phone")
    assert "The passkey was renamed." in page.text
    assert names(server) == ["Key", "Old phone"]


async def test_w09_the_last_way_in_stays_and_the_page_says_why(server: Server) -> None:
    ada, (phone,) = await with_passkeys(server, "Phone")
    form = (await ada.look(HOME)).form(f"{HOME}/{phone}/remove")
    await change_rows(server, "UPDATE users SET password_hash = NULL")
    page = await ada.send(form)
    assert (page.status, page.focus) == (409, ["alert"])
    assert "last" in page.alert
    assert names(server) == ["Phone"]


async def test_w09_what_is_somebody_elses_is_neither_renamed_nor_removed(server: Server) -> None:
    _, (phone,) = await with_passkeys(server, "Phone")
    await server.register("eve@example.com")
    holder = await server.sign_in("eve@example.com")
    own = (await add(holder, an_authenticator(9), name="Eve's"))["id"]
    eve = Visitor(server)
    await eve.sign_in("eve@example.com")
    for what, filled in (("name", {"name": "Mine"}), ("remove", {})):
        form = (await eve.look(HOME)).form(f"{HOME}/{own}/{what}")
        form.action = f"{HOME}/{phone}/{what}"
        page = await eve.send(form, **filled)
        assert (page.status, page.alert) == (404, "There is no such passkey.")
        assert "Phone" not in page.answer.text
    assert names(server) == ["Eve's", "Phone"]


async def test_one_is_removed_while_there_is_another_way_in(server: Server) -> None:
    ada, (phone, _) = await with_passkeys(server, "Phone", "Key")
    page = await ada.look(HOME)
    page = await ada.send(page.form(f"{HOME}/{phone}/remove"))
    assert "The passkey was removed." in page.text
    assert names(server) == ["Key"]


async def test_w09_one_is_added_after_a_fresh_proof(server: Server) -> None:
    ada, _ = await with_passkeys(server)
    await ada.look(f"{HOME}/add")
    assert ada.place == f"{HOME}/add"
    server.clock.advance(6 * MINUTE)
    await ada.look(f"{HOME}/add")
    assert (ada.place, ada.asked()) == ("/confirm", {"returnTo": f"{HOME}/add"})


async def test_a_name_that_is_refused_is_kept_with_the_reason_beside_it(server: Server) -> None:
    ada, (_, key) = await with_passkeys(server, "Phone", "Key")
    page = await ada.look(HOME)
    long = "Key in the drawer " * 9
    again = await ada.send(page.form(f"{HOME}/{key}/name"), name=long)
    assert again.status == 422
    assert again.problems == {f"name-{key}": f"Use at most {PASSKEY_NAME_LIMIT} characters."}
    assert again.focus == [f"name-{key}"]
    assert f'aria-invalid="true" aria-describedby="name-{key}-problem"' in again.answer.text
    typed = [form.fields.get("name") for form in again.forms]
    assert {name for name in typed if name is not None} == {"Phone", long}


async def test_one_that_was_removed_meanwhile_is_told_so(server: Server) -> None:
    ada, (phone, _) = await with_passkeys(server, "Phone", "Key")
    form = (await ada.look(HOME)).form(f"{HOME}/{phone}/remove")
    await ada.send(form)
    again = await ada.send(form)
    assert (again.status, again.alert) == (404, "There is no such passkey.")


async def test_no_name_is_typed_that_would_be_refused_once_the_browser_has_made_it(
    server: Server,
) -> None:
    ada, _ = await with_passkeys(server, "Phone", "Key")
    page = await ada.look(f"{HOME}/add")
    assert f'maxlength="{PASSKEY_NAME_LIMIT}"' in page.answer.text
