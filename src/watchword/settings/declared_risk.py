# ruff: noqa: RUF009  `setting` makes a dataclass field, whose default is made anew each time
"""The settings of risk at sign-in, declared as `declared` says, and standing behind the others."""

from dataclasses import dataclass
from typing import Final

from watchword.domain.risk import Action
from watchword.settings.countries import country
from watchword.settings.declared_places import DeclaredPlaces
from watchword.settings.parsing import listed, one_of, setting

_ACTION: Final = one_of(tuple(Action))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredRisk(DeclaredPlaces):
    risk_new_device: Action = setting(
        "RISK_NEW_DEVICE",
        _ACTION,
        default="notice",
        meaning="What is done when somebody signs in on a device that their account does not know: "
        "`off`, `notice` (a mail), `second-factor` (asked for also in a trusted browser; who has "
        "none gets the mail) or `refuse` (and a mail).",
    )
    risk_new_country: Action = setting(
        "RISK_NEW_COUNTRY",
        _ACTION,
        default="notice",
        meaning="Likewise, from a country where none of the account's recent sessions began. This "
        "and what follows needs a database of places.",
    )
    risk_travel: Action = setting(
        "RISK_TRAVEL",
        _ACTION,
        default="notice",
        meaning="Likewise, from farther away from a recent session than an aeroplane flies.",
    )
    risk_anonymiser: Action = setting(
        "RISK_ANONYMISER",
        _ACTION,
        default="notice",
        meaning="Likewise, through a VPN, Tor or a proxy, as far as the database tells; for a data "
        "centre by itself it is one step less.",
    )
    countries_allowed: tuple[str, ...] = setting(
        "COUNTRIES_ALLOWED",
        listed(country()),
        meaning="Countries, comma-separated (ISO 3166-1, such as `DE, FR`), where people can sign "
        "in from, and from nowhere else: not from an address whose country is not known, nor "
        "without a database. Loopback and private addresses pass, and those behind a carrier "
        "(100.64.0.0/10).",
    )
    countries_blocked: tuple[str, ...] = setting(
        "COUNTRIES_BLOCKED",
        listed(country()),
        meaning="Countries, comma-separated, where nobody can sign in from. An address whose "
        "country is not known passes.",
    )
