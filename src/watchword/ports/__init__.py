"""The promises that others keep for the core; each verb is atomic in storage.

An adapter's author runs `watchword.testing`'s conformance suite against these. Reads through
`Store.reading` see the newest committed state; verbs on a `Unit` happen together or not at all.
Every verb that changes what a caller may do is noticed by `Revocations` once it is committed.
"""

from watchword.ports.audit import AuditLog, AuditReader
from watchword.ports.factors import RecoveryCodes, TotpFactors
from watchword.ports.federation import ListedProvider, Providers
from watchword.ports.holdings import Holdings, KnownDevice, OpenLink, WaitingLetter
from watchword.ports.identities import Identities
from watchword.ports.machinery import (
    Breaches,
    Clock,
    Feed,
    Hasher,
    Housekeeping,
    Limits,
    Lockouts,
    Meter,
    Randomness,
    Revocations,
    Subscription,
    UserAgents,
)
from watchword.ports.mail import Composed, Composer, Mail, Mailer, Outbox, OutboxReader
from watchword.ports.open_store import OpenStore
from watchword.ports.passkeys import Passkeys
from watchword.ports.places import Fetched, PlaceDatabase, Places, PlaceSource
from watchword.ports.store import (
    Accounts,
    Devices,
    Directory,
    Keys,
    Links,
    Ownership,
    Reading,
    Sessions,
    Store,
    Unit,
)
from watchword.ports.values import (
    AccountQuery,
    Allowance,
    AuditQuery,
    AuditRecord,
    Change,
    Count,
    HashState,
    Page,
    PageRequest,
    Recorded,
    RequestTrace,
    Standing,
    StoredKey,
    Tally,
    Topic,
)
from watchword.ports.visits import Visits

__all__ = [
    "AccountQuery",
    "Accounts",
    "Allowance",
    "AuditLog",
    "AuditQuery",
    "AuditReader",
    "AuditRecord",
    "Breaches",
    "Change",
    "Clock",
    "Composed",
    "Composer",
    "Count",
    "Devices",
    "Directory",
    "Feed",
    "Fetched",
    "HashState",
    "Hasher",
    "Holdings",
    "Housekeeping",
    "Identities",
    "Keys",
    "KnownDevice",
    "Limits",
    "Links",
    "ListedProvider",
    "Lockouts",
    "Mail",
    "Mailer",
    "Meter",
    "OpenLink",
    "OpenStore",
    "Outbox",
    "OutboxReader",
    "Ownership",
    "Page",
    "PageRequest",
    "Passkeys",
    "PlaceDatabase",
    "PlaceSource",
    "Places",
    "Providers",
    "Randomness",
    "Reading",
    "Recorded",
    "RecoveryCodes",
    "RequestTrace",
    "Revocations",
    "Sessions",
    "Standing",
    "Store",
    "StoredKey",
    "Subscription",
    "Tally",
    "Topic",
    "TotpFactors",
    "Unit",
    "UserAgents",
    "Visits",
    "WaitingLetter",
]
