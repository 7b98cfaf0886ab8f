"""Where an address is, as far as a database can tell: evidence, never proof, and never exact."""

from enum import StrEnum
from typing import NamedTuple

NAME_LIMIT = 100


class Anonymiser(StrEnum):
    """What hides where its users are: the place is that of the way out."""

    VPN = "vpn"
    TOR = "tor"
    PROXY = "proxy"
    RESIDENTIAL_PROXY = "residential_proxy"
    HOSTING = "hosting"
    OTHER = "other"


class Coordinates(NamedTuple):
    """In degrees (WGS 84); ``radius`` in km is where two of three such addresses are, None: not
    known. It is the middle of a town or a country, and nobody's house.
    """

    latitude: float
    longitude: float
    radius: int | None = None


class Place(NamedTuple):
    """``city`` and ``country`` are English names, ``country_code`` is ISO 3166-1 alpha-2; each is
    None where the database does not say.
    """

    city: str | None = None
    country: str | None = None
    country_code: str | None = None
    coordinates: Coordinates | None = None
    anonymisers: frozenset[Anonymiser] = frozenset()

    @property
    def is_named(self) -> bool:
        return self.city is not None or self.country is not None

    @property
    def in_mail(self) -> str:
        """``Berlin, Germany``, or less."""
        return ", ".join(part for part in (self.city, self.country) if part)


class FetchFailed(Exception):
    """No newer database came. The text is a sentence for operators, and holds no secret."""


class FetchRefused(FetchFailed):
    """Nor will it until somebody changes a setting."""
