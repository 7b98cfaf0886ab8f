"""The range protocol of Pwned Passwords: five of forty digits of a hash go out, and every hash that
begins with them comes back (k-anonymity).

Invariant: a connection carries nothing else of the password, and no cookie. Requests go through the
transport and not through the library's client, which follows redirects, keeps cookies, and logs the
address of each request.
"""

import asyncio
import re
from typing import Final

import httpx2

from watchword.adapters.breaches.sources import Unanswered
from watchword.domain.time import SECOND, Span

_PREFIX: Final = 5
_LARGEST_ANSWER: Final = 256 * 1024  # bytes; a padded answer has some 40,000
_MOST_CONNECTIONS: Final = 8
_HEADERS: Final = {
    "Accept": "text/plain",
    "Accept-Encoding": "identity",  # so that what is read is what was sent, however small
    "Add-Padding": "true",  # the size of the answer then tells an eavesdropper no prefix
    "User-Agent": "Watchword",
}
_OK: Final = 200
_FORM = re.compile(
    rb"(?:[0-9A-Fa-f]{35}:[0-9]{1,19}\r?\n)*(?:[0-9A-Fa-f]{35}:[0-9]{1,19})?(?:\r?\n)*"
)


class RangeApi:
    """``url`` is what the prefix is put behind, without the slash at its end.

    An answer must be whole within ``patience`` ms, the wait for one of the eight connections
    among it, so that a slow server piles up no work.
    """

    def __init__(self, url: str, *, patience: Span = SECOND) -> None:
        self._url = url
        self._patience = patience
        self._transport = httpx2.AsyncHTTPTransport(
            limits=httpx2.Limits(
                max_connections=_MOST_CONNECTIONS, max_keepalive_connections=_MOST_CONNECTIONS
            )
        )

    async def holds(self, digest: str) -> bool:
        prefix, suffix = digest[:_PREFIX], digest[_PREFIX:]
        async with asyncio.timeout(self._patience / SECOND):
            listed = await self._get(f"{self._url}/{prefix}")
        if re.search(rb"^%b:0*[1-9]" % suffix.encode(), listed, re.MULTILINE | re.IGNORECASE):
            return True
        if _FORM.fullmatch(listed) is None:
            raise Unanswered("The answer is no list of hashes.")
        return False

    async def _get(self, url: str) -> bytes:
        request = httpx2.Request("GET", url, headers=_HEADERS)
        answer = await self._transport.handle_async_request(request)
        try:
            if answer.status_code != _OK:
                raise Unanswered(f"The answer has the status {answer.status_code}.")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise Unanswered("The answer is compressed.")
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > _LARGEST_ANSWER:
                    raise Unanswered("The answer is too large.")
        finally:
            await answer.aclose()
        return bytes(body)

    async def close(self) -> None:
        await self._transport.aclose()
