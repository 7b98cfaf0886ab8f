"""What can befall a database and the way to it."""

import asyncio
from collections.abc import Callable
from typing import Final

from tests.faults.proxy import BOTH, Proxy, Way
from tests.faults.stage import Do, Fault, Scene


def _to_each(do: Callable[[Proxy], None]) -> Do:
    async def both(scene: Scene) -> None:
        for proxy in scene.proxies:
            do(proxy)

    return both


def _to_one(do: Callable[[Proxy], None]) -> Do:
    async def second(scene: Scene) -> None:
        do(scene.proxies[1])

    return second


def _by_server(do: Callable[[Scene], None]) -> Do:
    return lambda scene: asyncio.to_thread(do, scene)


def _slow(proxy: Proxy) -> None:
    proxy.delay = 0.2


_MENDED: Final = _to_each(Proxy.mend)
OF_THE_NETWORK: Final = {
    "cut": Fault(_to_each(Proxy.cut), _MENDED),
    "cut from one node": Fault(_to_one(Proxy.cut), _MENDED),
    "unplugged": Fault(_to_each(Proxy.hold), _MENDED),
    "unplugged from one node": Fault(_to_one(Proxy.hold), _MENDED),
    "swallowed": Fault(_to_each(lambda proxy: proxy.swallow(BOTH)), _MENDED),
    "questions swallowed": Fault(
        _to_each(lambda proxy: proxy.swallow(frozenset({Way.THERE}))), _MENDED
    ),
    "answers swallowed": Fault(
        _to_each(lambda proxy: proxy.swallow(frozenset({Way.BACK}))), _MENDED
    ),
    "swallowed from one node": Fault(_to_one(lambda proxy: proxy.swallow(BOTH)), _MENDED),
    "slow": Fault(_to_each(_slow), _MENDED),
}
OF_THE_SERVER: Final = {
    "restarted": Fault(_by_server(lambda scene: scene.postgres.restart())),
    "restarted at once": Fault(_by_server(lambda scene: scene.postgres.restart("immediate"))),
    "paused": Fault(
        _by_server(lambda scene: scene.postgres.pause()),
        _by_server(lambda scene: scene.postgres.go_on()),
    ),
    "gone": Fault(
        _by_server(lambda scene: scene.postgres.stop()),
        _by_server(lambda scene: scene.postgres.start()),
    ),
}
