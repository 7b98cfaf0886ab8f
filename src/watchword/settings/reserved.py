"""Words of the route table, which nothing that stands in a path may be named like.

A role can stand in one (`PUT /users/{id}/{role}`), and so can a provider (`GET /auth/{provider}`).
"""

from typing import Final

# fmt: off
RESERVED: Final = frozenset((
    "audit", "auth", "callback", "change-email", "change-password", "complete", "csrf", "disable",
    "docs", "enable", "forgot-password", "health", "identities", "jwks", "link", "live", "login",
    "logout", "logout-all", "magic-link", "me", "metrics", "mfa", "openapi", "options", "passkeys",
    "profile", "providers", "ready", "reauthenticate", "recovery-codes", "refresh", "register",
    "resend", "reset-password", "revocations", "role", "roles", "sessions", "setup", "status",
    "users", "verify", "verify-email",
))
# fmt: on
