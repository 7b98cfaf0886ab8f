"""Microsoft's two departures from OpenID Connect: one issuer for many tenants, and its addresses.

The shared addresses (`common`, `organizations`) answer for every tenant there is, and name no
issuer but a template. A token's issuer is then that of the tenant it names, so two tenants are two
issuers, and nobody's subject can be another's. Whoever administers a tenant writes the addresses of
its people at will, so an address counts as verified only by `xms_edov`, which Microsoft sets (the
attack is known as nOAuth; O07).
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from watchword.crypto.jws import InvalidToken

_HOSTS: Final = frozenset(
    {"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"}
)
_SHARED: Final = re.compile(r"(https://[^/]+)/(common|organizations)/v2\.0")
_TEMPLATE: Final = "{tenantid}"
_TENANT: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_microsoft(issuer: str) -> bool:
    return urlsplit(issuer).hostname in _HOSTS


def metadata_issuer(configured: str) -> str:
    """What the metadata at ``configured`` must call its issuer."""
    shared = _SHARED.fullmatch(configured)
    if shared is None or not is_microsoft(configured):
        return configured
    return f"{shared[1]}/{_TEMPLATE}/v2.0"


def token_issuer(metadata_issuer: str, claims: Mapping[str, object]) -> str:
    """Whose token it must be; `InvalidToken` if a token of many tenants names none."""
    if _TEMPLATE not in metadata_issuer or not is_microsoft(metadata_issuer):
        return metadata_issuer
    tenant = claims.get("tid")
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise InvalidToken("tenant")
    return metadata_issuer.replace(_TEMPLATE, tenant)


def is_issuer_of(configured: str, issuer: str) -> bool:
    """Whether the provider at ``configured`` can name people of ``issuer``."""
    before, template, after = metadata_issuer(configured).partition(_TEMPLATE)
    if not template:
        return issuer == configured
    tenant = issuer.removeprefix(before).removesuffix(after)
    return issuer == f"{before}{tenant}{after}" and _TENANT.fullmatch(tenant) is not None
