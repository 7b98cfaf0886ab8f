"""Pairs of sign-ins with what they were: of one person's ordinary life, or by a thief.

All from one seed. An address is reported as databases report it: at a distance from its user that
is within the radius for two of three.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import cos, log, radians, sqrt
from random import Random  # noqa: TID251  lives from a seed, and no secrets
from typing import Final

from watchword.domain.places import Coordinates, Place
from watchword.domain.risk import Sighting, distance
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND, Instant, Span

SEED: Final = 20_261_121
EACH: Final = 1_000  # pairs of each kind
NOW: Final[Instant] = 1_795_000_000_000

_PER_DEGREE: Final = 111.2  # km
_SPREAD: Final = sqrt(2 * log(3))  # of a Rayleigh distribution, two thirds are within so much
_AIRLINER: Final = 850  # km/h
_FIXED: Final = (5, 10, 20, 50, 100)  # radii in km: lines, and data centres
_MOBILE: Final = (50, 100, 200, 500)


@dataclass(frozen=True, slots=True)
class City:
    country: str
    continent: str
    latitude: float
    longitude: float


CITIES: Final = (
    City("DE", "EU", 52.52, 13.40), City("DE", "EU", 48.14, 11.58),
    City("FR", "EU", 48.86, 2.35), City("GB", "EU", 51.51, -0.13),
    City("ES", "EU", 40.42, -3.70), City("IT", "EU", 41.90, 12.50),
    City("SE", "EU", 59.33, 18.07), City("PL", "EU", 52.23, 21.01),
    City("GR", "EU", 37.98, 23.73), City("RO", "EU", 44.43, 26.10),
    City("US", "NA", 40.71, -74.01), City("US", "NA", 34.05, -118.24),
    City("US", "NA", 41.88, -87.63), City("CA", "NA", 43.65, -79.38),
    City("MX", "NA", 19.43, -99.13), City("BR", "SA", -23.55, -46.63),
    City("AR", "SA", -34.60, -58.38), City("CL", "SA", -33.45, -70.67),
    City("PE", "SA", -12.05, -77.04), City("NG", "AF", 6.52, 3.38),
    City("EG", "AF", 30.04, 31.24), City("KE", "AF", -1.29, 36.82),
    City("ZA", "AF", -26.20, 28.05), City("IN", "AS", 28.61, 77.21),
    City("IN", "AS", 19.08, 72.88), City("CN", "AS", 39.90, 116.41),
    City("JP", "AS", 35.68, 139.69), City("VN", "AS", 21.03, 105.85),
    City("SG", "AS", 1.35, 103.82), City("ID", "AS", -6.21, 106.85),
    City("AU", "OC", -33.87, 151.21), City("NZ", "OC", -36.85, 174.76),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    earlier: Sighting
    later: Sighting
    is_theft: bool


def all_pairs() -> list[Pair]:
    random = Random(SEED)
    return [
        Pair(*live(random), is_theft=live in THEFTS)
        for live in (*LIVES, *THEFTS)
        for _ in range(EACH)
    ]


def _near(random: Random, at: City, far: float) -> City:
    """Somewhere else, about ``far`` km away."""
    north, east = random.gauss(0, far / _SPREAD), random.gauss(0, far / _SPREAD)
    across = _PER_DEGREE * cos(radians(at.latitude))
    return City(
        at.country,
        at.continent,
        at.latitude + north / _PER_DEGREE,
        (at.longitude + east / across + 180) % 360 - 180,
    )


def _seen(random: Random, at: City, radii: tuple[int, ...], when: Instant) -> Sighting:
    radius = random.choice(radii)
    told = _near(random, at, radius)
    coordinates = Coordinates(told.latitude, told.longitude, radius)
    return Sighting(Place(country_code=at.country, coordinates=coordinates), when)


def _some(random: Random, least: Span, most: Span) -> Span:
    return random.randrange(least, most)


Life = Callable[[Random], tuple[Sighting, Sighting]]


def at_home_and_in_the_office(random: Random) -> tuple[Sighting, Sighting]:
    home = random.choice(CITIES)
    office = _near(random, home, 30)
    later = NOW + _some(random, 20 * MINUTE, DAY)
    return _seen(random, home, _FIXED, NOW), _seen(random, office, _FIXED, later)


def on_the_way(random: Random) -> tuple[Sighting, Sighting]:
    """From the line at home to a mobile network, or from one of its ways out to the next."""
    home = random.choice(CITIES)
    before = random.choice((_FIXED, _MOBILE))
    later = NOW + _some(random, MINUTE, 2 * HOUR)
    return _seen(random, home, before, NOW), _seen(random, home, _MOBILE, later)


def on_holiday(random: Random) -> tuple[Sighting, Sighting]:
    """By an aeroplane, signing in soon after it has landed, or days later."""
    home, away = random.sample(CITIES, 2)
    ways = [Coordinates(city.latitude, city.longitude) for city in (home, away)]
    flight = round(distance(*ways) / _AIRLINER * HOUR)
    later = NOW + flight + _some(random, HOUR, random.choice((4 * HOUR, 3 * DAY)))
    return (
        _seen(random, home, (*_FIXED, *_MOBILE), NOW),
        _seen(random, away, (*_FIXED, *_MOBILE), later),
    )


def on_two_devices(random: Random) -> tuple[Sighting, Sighting]:
    """In two towns of one conurbation, within seconds of each other."""
    town = random.choice(CITIES)
    other = _near(random, town, 60)
    later = NOW + _some(random, 0, 30 * SECOND)
    return _seen(random, town, _FIXED, NOW), _seen(random, other, _FIXED, later)


def by_two_clocks(random: Random) -> tuple[Sighting, Sighting]:
    """Two nodes of the service differ by seconds."""
    home = random.choice(CITIES)
    later = NOW + _some(random, -5 * SECOND, 5 * SECOND)
    return _seen(random, home, _FIXED, NOW), _seen(random, home, _MOBILE, later)


def by_a_thief_of_another_continent(random: Random) -> tuple[Sighting, Sighting]:
    home = random.choice(CITIES)
    lair = random.choice([city for city in CITIES if city.continent != home.continent])
    return _theft(random, home, lair, 4 * HOUR)


def by_a_thief_of_another_country(random: Random) -> tuple[Sighting, Sighting]:
    """Of the same continent."""
    home = random.choice([city for city in CITIES if list(_neighbours(city))])
    return _theft(random, home, random.choice(list(_neighbours(home))), 30 * MINUTE)


def _neighbours(of: City) -> Iterator[City]:
    return (c for c in CITIES if c.continent == of.continent and c.country != of.country)


def _theft(random: Random, home: City, lair: City, within: Span) -> tuple[Sighting, Sighting]:
    later = NOW + _some(random, MINUTE, within)
    return (
        _seen(random, home, (*_FIXED, *_MOBILE), NOW),
        _seen(random, lair, _FIXED, later),
    )


LIVES: Final[tuple[Life, ...]] = (
    at_home_and_in_the_office,
    on_the_way,
    on_holiday,
    on_two_devices,
    by_two_clocks,
)
THEFTS: Final[tuple[Life, ...]] = (
    by_a_thief_of_another_continent,
    by_a_thief_of_another_country,
)
