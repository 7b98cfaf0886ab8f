"""A record of a database becomes a `Place`; whatever in it is not as it should be is left out."""

import re
from collections.abc import Mapping
from typing import Final

from watchword.domain.devices import printable
from watchword.domain.places import NAME_LIMIT, Anonymiser, Coordinates, Place

_LANGUAGE: Final = "en"
_CODE = re.compile(r"[A-Z]{2}")
_FARTHEST: Final = 20_100  # km: half way round the earth, and then some
_POLE: Final = 90  # degrees
_FARTHEST_EAST: Final = 180
_EMPTY: Final[Mapping[object, object]] = {}

# Of a database of anonymisers at the top of a record, of the others among its traits.
_FLAGS: Final[Mapping[str, Anonymiser]] = {
    "is_anonymous_vpn": Anonymiser.VPN,
    "is_tor_exit_node": Anonymiser.TOR,
    "is_public_proxy": Anonymiser.PROXY,
    "is_residential_proxy": Anonymiser.RESIDENTIAL_PROXY,
    "is_hosting_provider": Anonymiser.HOSTING,
}
_KNOWN: Final = _FLAGS.keys() | {"is_anonymous", "is_anonymous_proxy"}
_NONE: Final[frozenset[Anonymiser]] = frozenset()


def place_of(record: object) -> Place | None:
    """None when it says nothing that a `Place` could hold."""
    fields = record if isinstance(record, dict) else _EMPTY
    country = _within(fields, "country")
    city = _name(_within(fields, "city"))
    name, code = _name(country), _code(country.get("iso_code"))
    coordinates = _coordinates(_within(fields, "location"))
    anonymisers = _anonymisers(fields, _within(fields, "traits"))
    if not (city or name or code or coordinates or anonymisers):
        return None
    return Place(city, name, code, coordinates, anonymisers)


def _within(fields: Mapping[object, object], name: str) -> Mapping[object, object]:
    value = fields.get(name)
    return value if isinstance(value, dict) else _EMPTY


def _name(fields: Mapping[object, object]) -> str | None:
    name = _within(fields, "names").get(_LANGUAGE)
    if not (isinstance(name, str) and name):
        return None
    is_fit = name.isprintable() and len(name) <= NAME_LIMIT  # nearly always, and quickly told
    return name if is_fit else printable(name, NAME_LIMIT)


def _code(value: object) -> str | None:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def _coordinates(fields: Mapping[object, object]) -> Coordinates | None:
    latitude, longitude = fields.get("latitude"), fields.get("longitude")
    if not (isinstance(latitude, float) and isinstance(longitude, float)):
        return None
    if not (abs(latitude) <= _POLE and abs(longitude) <= _FARTHEST_EAST):  # nor NaN
        return None
    radius = fields.get("accuracy_radius")
    if not (isinstance(radius, int) and 0 < radius <= _FARTHEST):
        return Coordinates(latitude, longitude)
    return Coordinates(latitude, longitude, radius)


def _anonymisers(*groups: Mapping[object, object]) -> frozenset[Anonymiser]:
    if all(map(_KNOWN.isdisjoint, groups)):  # nearly always, and quickly told
        return _NONE
    said = {name for fields in groups for name in fields.keys() & _KNOWN if fields[name] is True}
    if not said:
        return _NONE
    kinds = frozenset(kind for name, kind in _FLAGS.items() if name in said)
    return kinds or frozenset({Anonymiser.OTHER})
