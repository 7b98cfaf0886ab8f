"""What can befall a server and the way to it; and PostgreSQL itself."""

import asyncio
from collections.abc import Callable
from typing import Final

from tests.faults.link import Link
from tests.faults.proxy import BOTH, Proxy, Way
from tests.faults.stage import Do, Fault, OnPostgres, Scene
from tests.servers.postgres import Server as Postgres


def _to_each(do: Callable[[Proxy], None]) -> Do:
    async def both(scene: Scene) -> None:
        for proxy in scene.proxies:
            do(proxy)

    return both


def _to_one(do: Callable[[Proxy], None]) -> Do:
    async def second(scene: Scene) -> None:
        do(scene.proxies[1])

    return second


def _of_links(do: Callable[[Link], None]) -> Callable[[Proxy], None]:
    def to_link(proxy: Proxy) -> None:
        assert isinstance(proxy, Link)
        do(proxy)

    return to_link


def _by_server(do: Callable[[Postgres], None]) -> Do:
    async def to_server(scene: Scene) -> None:
        assert isinstance(scene.store, OnPostgres)
        await asyncio.to_thread(do, scene.store.server)

    return to_server


def _slow(proxy: Proxy) -> None:
    proxy.delay = 0.2


_MENDED: Final = _to_each(lambda proxy: proxy.mend())
_EACH, _SECOND = frozenset({0, 1}), frozenset({1})
OF_THE_NETWORK: Final = {
    "cut": Fault(_to_each(Proxy.cut), _MENDED, _EACH),
    "cut from one node": Fault(_to_one(Proxy.cut), _MENDED, _SECOND),
    "unplugged": Fault(_to_each(Proxy.hold), _MENDED, _EACH),
    "unplugged from one node": Fault(_to_one(Proxy.hold), _MENDED, _SECOND),
    "swallowed": Fault(_to_each(lambda proxy: proxy.swallow(BOTH)), _MENDED, _EACH),
    "questions swallowed": Fault(
        _to_each(lambda proxy: proxy.swallow(frozenset({Way.THERE}))), _MENDED, _EACH
    ),
    "answers swallowed": Fault(
        _to_each(lambda proxy: proxy.swallow(frozenset({Way.BACK}))), _MENDED, _EACH
    ),
    "swallowed from one node": Fault(_to_one(lambda proxy: proxy.swallow(BOTH)), _MENDED, _SECOND),
    "slow": Fault(_to_each(_slow), _MENDED),
}
# Where the way of each node is a `Link`.
OF_THE_LINK: Final = {
    f"{name}{where}": Fault(to_them(_of_links(do)), _MENDED, nodes)
    for name, do in (("down", Link.down), ("pulled", Link.pull), ("lost", Link.lose))
    for where, to_them, nodes in (("", _to_each, _EACH), (" from one node", _to_one, _SECOND))
}
OF_THE_SERVER: Final = {
    "restarted": Fault(_by_server(Postgres.restart)),
    "restarted at once": Fault(_by_server(lambda server: server.restart("immediate"))),
    "paused": Fault(
        _by_server(Postgres.pause),
        _by_server(Postgres.go_on),
    ),
    "gone": Fault(
        _by_server(Postgres.stop),
        _by_server(Postgres.start),
    ),
}
