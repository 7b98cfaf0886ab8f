"""For other services and for operators: forward auth, public keys, health, metrics, reference."""

import hmac
from ipaddress import ip_address
from urllib.parse import quote

from watchword.domain.errors import Forbidden, NotFound, TokenInvalid
from watchword.web.answers import Answer, as_json
from watchword.web.call import Call
from watchword.web.docs_page import page_of
from watchword.web.docs_style import DOCS_POLICY
from watchword.web.health import look
from watchword.web.identity import bearer_token
from watchword.web.openapi import document_of
from watchword.web.shapes import HealthAnswer, JwksAnswer

_FORWARDING = (
    *(b"forwarded", b"via", b"x-real-ip", b"x-forwarded-for", b"x-forwarded-host"),
    *(b"x-forwarded-port", b"x-forwarded-proto", b"x-forwarded-server"),
)
_METRICS_TYPE = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


async def verify(call: Call) -> Answer:
    """Forward auth. Values that are not ASCII are percent-encoded (RFC 9110 section 5.5)."""
    wanted = call.query("role").get("role")
    account, role = call.user.account, call.user.role
    if wanted is not None and role != wanted:
        raise Forbidden
    headers = {
        b"x-auth-user": account.id,
        b"x-auth-role": role,
        b"x-auth-session": call.user.session.id,
        b"x-auth-email": quote(account.email.text, safe="@+!#$&'*/=?^`{|}~"),
    }
    return Answer(204, headers=[(name, value.encode()) for name, value in headers.items()])


async def jwks(call: Call) -> Answer:
    """RFC 7517. The next key is published long before it signs, so a copy may be kept a while."""
    keys = await call.services.keyring.keys()
    answer = as_json(JwksAnswer([dict(key) for key in keys.published]))
    answer.headers.append((b"cache-control", b"public, max-age=300"))
    return answer


async def live(_: Call) -> Answer:
    """The process runs and answers; nothing else is asked."""
    return as_json(HealthAnswer("ok", {}))


async def ready(call: Call) -> Answer:
    """Whether requests should be sent here; not any more once the process is about to end."""
    if call.services.leaving.is_set():
        return _unready(HealthAnswer("leaving", {}))
    checks = await look(call)
    if any(check.status == "failed" for check in checks.values()):
        return _unready(HealthAnswer("failed", checks))
    return as_json(HealthAnswer("ok", checks))


def _unready(health: HealthAnswer) -> Answer:
    answer = as_json(health, status=503)
    answer.headers.append((b"retry-after", b"1"))
    return answer


async def metrics(call: Call) -> Answer:
    """For who holds the token; without one configured, for this machine alone."""
    _require_operator(call)
    return Answer(200, call.services.meter.render(), [_METRICS_TYPE])


def _require_operator(call: Call) -> None:
    expected = call.services.policy.metrics_token
    if expected is not None:
        try:
            given = (bearer_token(call.headers) or "").encode("latin-1")
        except TokenInvalid:
            given = b""
        if not hmac.compare_digest(given, expected):
            raise NotFound("There is nothing at this address.")
        return
    peer = call.scope.get("client")
    is_forwarded = any(call.headers.all(name) for name in _FORWARDING)
    if peer is None or is_forwarded or not _is_loopback(peer[0]):
        raise NotFound("There is nothing at this address.")


def _is_loopback(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False


async def openapi(call: Call) -> Answer:
    document = document_of(call.table, call.services.policy.public_url)
    return Answer(200, document, [(b"content-type", b"application/json; charset=utf-8")])


async def docs(call: Call) -> Answer:
    return Answer(
        200,
        page_of(call.table, call.services.policy.public_url),
        [(b"content-type", b"text/html; charset=utf-8"), DOCS_POLICY],
    )
