"""A service of its own that takes Watchword's access tokens, and hears at once when one is revoked.

    SERVICE_TOKEN=… python examples/resource_server/application.py

serves it on http://localhost:9000, for the Watchword on http://localhost:8000.
"""

import json
import os

import uvicorn

from watchword.client.answers import Receive, Scope, Send
from watchword.client.guard import Guard


async def orders(scope: Scope, _receive: Receive, send: Send) -> None:
    """Whoever comes here has a good token, and `scope["watchword"]` holds its claims."""
    if scope["type"] != "http":
        return
    caller = scope["watchword"]
    body = json.dumps({"orders": [], "of": caller.sub, "role": caller.role}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    service = Guard(
        orders,
        issuer=os.environ.get("ISSUER", "http://localhost:8000"),  # noqa: TID251  its own settings
        service_token=os.environ["SERVICE_TOKEN"],  # noqa: TID251  as above
    )
    uvicorn.run(service, host="localhost", port=int(os.environ.get("PORT", "9000")))  # noqa: TID251
