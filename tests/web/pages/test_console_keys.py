"""The keys, as an operator sees and rotates them; nothing of them is shown but their names."""

import re

from tests.driving import Server
from tests.web.pages.operator import ROOT, an_operator, confirm, events_of, id_of
from tests.web.visitor import Visitor
from watchword.domain.time import HOUR, MINUTE


async def states(visitor: Visitor) -> dict[str, str]:
    """By the id of each key."""
    text = (await visitor.look("/console/keys")).answer.text
    return dict(re.findall(r"<code>(\S+)</code></td><td>EdDSA</td><td>(\w+)</td>", text))


async def test_keys_are_shown_by_what_they_do(server: Server) -> None:
    root = await an_operator(server)
    signing = (await server.core.services.keyring.keys()).signing.kid
    shown = await states(root)
    assert shown.pop(signing) == "signs"
    assert list(shown.values()) == ["next"]
    for key in await server.core.store.reading.keys.list_keys():
        assert key.sealed.hex() not in root.page.answer.text


async def test_x08_a_rotation_signs_nobody_out(server: Server) -> None:
    root = await an_operator(server)
    holder = await server.sign_in(ROOT)
    before = await states(root)
    (following,) = [kid for kid, state in before.items() if state == "next"]
    (former,) = [kid for kid, state in before.items() if state == "signs"]
    done = await root.send(root.page.form("/console/keys/rotate"))
    assert "Another key signs from now on." in done.text
    after = await states(root)
    assert (after[following], after[former]) == ("signs", "verifies")
    assert (await holder.get("/profile")).status_code == 200
    server.clock.advance(HOUR)
    assert former not in await states(root)


async def test_a09_a_rotation_is_written_down_with_who_asked(server: Server) -> None:
    root = await an_operator(server)
    page = await root.look("/console/keys")
    await root.send(page.form("/console/keys/rotate"))
    (event, *_) = await events_of(server, "keys.rotated")
    assert (event.actor, event.subject) == (await id_of(server, ROOT), None)
    assert event.trace.ip == "198.51.100.7"


async def test_a_rotation_that_was_asked_for_too_late_is_offered_again(server: Server) -> None:
    root = await an_operator(server)
    page = await root.look("/console/keys")
    before = await states(root)
    server.clock.advance(6 * MINUTE)
    await root.send(page.form("/console/keys/rotate"))
    await confirm(root)
    assert root.place == "/console/keys"
    assert await states(root) == before
