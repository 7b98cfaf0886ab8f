"""What a setting can be that is one of a few words."""

from enum import StrEnum


class Profile(StrEnum):
    STANDARD = "standard"
    STRICT = "strict"


class SessionLimit(StrEnum):
    """What gives way when somebody has too many sessions."""

    EVICT = "evict"
    REJECT = "reject"


class EmailVerification(StrEnum):
    """Whether an address must be confirmed before its account can be used."""

    OFF = "off"
    REQUIRED = "required"


class SessionStore(StrEnum):
    """Where is kept what moves in a session: its generation, and when it was last seen."""

    DATABASE = "database"
    REDIS = "redis"


class Revocation(StrEnum):
    """When the answer to who ends a session goes out."""

    STANDARD = "standard"
    STRICT = "strict"


class Pages(StrEnum):
    """Whether there are pages for people."""

    ON = "on"
    OFF = "off"


class RevocationMessages(StrEnum):
    """Who tells the nodes of a server's database what others have changed."""

    DATABASE = "database"
    REDIS = "redis"
