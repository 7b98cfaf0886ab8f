"""Somebody takes a copy of all that is kept about them."""

import json
from typing import Any

import httpx2

from tests.driving import ORIGIN
from tests.web.visitor import Form, Visitor

PATH = "/account/data"


async def send(visitor: Visitor, form: Form) -> httpx2.Response:
    """The answer itself, wherever it leads."""
    return await visitor.client.post(
        form.action,
        data=form.fields,
        headers={"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN},
    )


async def take(visitor: Visitor) -> httpx2.Response:
    """By the page that asks for it."""
    return await send(visitor, (await visitor.look(PATH)).form(PATH))


async def copy_of(visitor: Visitor) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((await take(visitor)).text)
    return content
