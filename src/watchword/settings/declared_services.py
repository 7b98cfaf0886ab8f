# ruff: noqa: RUF009  `setting` makes a dataclass field, whose default is made anew each time
"""The settings for other services, declared as `declared` says, and standing behind the others."""

from dataclasses import dataclass

from watchword.crypto.secret import Secret
from watchword.settings.credentials import bearer_token, service_tokens
from watchword.settings.declared import Declared
from watchword.settings.parsing import optional, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredServices(Declared):
    metrics_token: Secret | None = setting(
        "METRICS_TOKEN",
        optional(bearer_token()),
        meaning="At least 16 characters; when set, `/metrics` needs it as a bearer token.",
    )
    service_tokens: tuple[Secret, ...] = setting(
        "SERVICE_TOKENS",
        service_tokens(),
        meaning="Bearer tokens by which other services follow `/auth/revocations`, of at least 32 "
        "characters each; several, comma-separated, while rotating. Without one it is not there.",
    )
