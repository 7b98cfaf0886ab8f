"""What is unusual about a sign-in, and what is done about it.

Evidence, never proof: a place is that of an address, and its owner and a thief can both be behind a
VPN.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from math import asin, cos, radians, sin, sqrt
from types import MappingProxyType
from typing import Final, NamedTuple

from watchword.domain.places import Anonymiser, Coordinates, Place
from watchword.domain.time import HOUR, Instant

EARTH_RADIUS: Final = 6_371.0  # km, the mean radius (IUGG)
FASTEST: Final = 1_000.0  # km/h; airliners fly at 900, and nobody signs in from gate to gate
# A third of all addresses are farther from where they are said to be than their radius, and mobile
# networks lead out of another city: over less than this, a speed says more of the database.
SHORTEST: Final = 300.0  # km, after both radii have been taken off
LOOKED_BACK: Final = 10  # sessions
# RFC 6598 section 7: no router of the internet passes it on. Overlay networks give it out as well.
_BEHIND_A_CARRIER: Final = ip_network("100.64.0.0/10")


class Signal(StrEnum):
    NEW_DEVICE = "new_device"
    NEW_COUNTRY = "new_country"
    TRAVEL = "impossible_travel"
    ANONYMISER = "anonymiser"
    HOSTING = "hosting"
    COUNTRY = "country_blocked"


class Action(StrEnum):
    """What is done about a signal, weakest first."""

    OFF = "off"
    NOTICE = "notice"
    SECOND_FACTOR = "second-factor"
    REFUSE = "refuse"


# A data centre is where VPNs end, and where offices and the people of one cloud come from.
_ONE_LESS: Final[Mapping[Action, Action]] = MappingProxyType(
    {
        Action.OFF: Action.OFF,
        Action.NOTICE: Action.OFF,
        Action.SECOND_FACTOR: Action.NOTICE,
        Action.REFUSE: Action.SECOND_FACTOR,
    }
)
_BEFORE_A_SESSION: Final = frozenset({Action.SECOND_FACTOR, Action.REFUSE})


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPolicy:
    """What is done about each signal. Countries are ISO 3166-1 alpha-2; none allowed: all are."""

    new_device: Action = Action.NOTICE
    new_country: Action = Action.NOTICE
    travel: Action = Action.NOTICE
    anonymiser: Action = Action.NOTICE
    allowed: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()

    @property
    def asks_places(self) -> bool:
        """Whether it matters at all where an address is."""
        actions = {self.new_country, self.travel, self.anonymiser}
        return actions != {Action.OFF} or bool(self.allowed or self.blocked)

    @property
    def looks_back(self) -> bool:
        """Whether it matters where the account's earlier sessions began."""
        return {self.new_country, self.travel} != {Action.OFF}

    @property
    def asks_devices(self) -> bool:
        """Whether the device has to be known before there is a session. For a notice it has not."""
        return self.new_device in _BEFORE_A_SESSION

    def action_for(self, signal: Signal) -> Action:
        return {
            Signal.NEW_DEVICE: self.new_device,
            Signal.NEW_COUNTRY: self.new_country,
            Signal.TRAVEL: self.travel,
            Signal.ANONYMISER: self.anonymiser,
            Signal.HOSTING: _ONE_LESS[self.anonymiser],
            Signal.COUNTRY: Action.REFUSE,
        }[signal]

    def bars(self, ip: str, place: Place | None) -> bool:
        """Whether nobody signs in from there. Addresses that are none of the internet's pass. One
        whose country is not known is not blocked, nor is it among those that are allowed.
        """
        if not (self.allowed or self.blocked) or not _is_public(ip):
            return False
        country = None if place is None else place.country_code
        return country in self.blocked or bool(self.allowed and country not in self.allowed)


class Visit(NamedTuple):
    """Where from and when a session began."""

    ip: str
    at: Instant


class Sighting(NamedTuple):
    place: Place | None
    at: Instant


@dataclass(frozen=True, slots=True)
class Judgement:
    """The signals of one sign-in with what is to be done about each, none of it `Action.OFF`."""

    actions: tuple[tuple[Signal, Action], ...] = ()

    @classmethod
    def of(cls, signals: Iterable[Signal], policy: RiskPolicy) -> "Judgement":
        chosen = ((signal, policy.action_for(signal)) for signal in signals)
        return cls(tuple(pair for pair in chosen if pair[1] is not Action.OFF))

    def that(self, action: Action) -> tuple[Signal, ...]:
        """The signals that call for ``action``."""
        return tuple(signal for signal, chosen in self.actions if chosen is action)

    @property
    def refuses(self) -> bool:
        return bool(self.that(Action.REFUSE))

    @property
    def is_told(self) -> bool:
        """Whether the one reason to refuse is a country, which is said to who is refused."""
        return self.that(Action.REFUSE) == (Signal.COUNTRY,)

    @property
    def asks(self) -> bool:
        return bool(self.that(Action.SECOND_FACTOR))


NOTHING: Final = Judgement()


def signals_of_place(here: Sighting, before: Sequence[Sighting]) -> list[Signal]:
    """What is unusual about where a sign-in comes from, seen from the account's earlier ones."""
    if here.place is None:
        return []
    found = []
    if is_new_country(here.place, (sighting.place for sighting in before)):
        found.append(Signal.NEW_COUNTRY)
    if any(is_impossible(earlier, here) for earlier in before):
        found.append(Signal.TRAVEL)
    hidden_by = here.place.anonymisers
    if hidden_by - {Anonymiser.HOSTING}:
        found.append(Signal.ANONYMISER)
    elif hidden_by:
        found.append(Signal.HOSTING)
    return found


def is_new_country(here: Place, before: Iterable[Place | None]) -> bool:
    """Whether the account's earlier sessions, of which there are some, all began in others."""
    known = {place.country_code for place in before if place is not None} - {None}
    return here.country_code is not None and bool(known) and here.country_code not in known


def is_impossible(earlier: Sighting, later: Sighting, *, fastest: float = FASTEST) -> bool:
    """Whether nobody can have been at both, at ``fastest`` km/h. What the radii leave open speaks
    for the person. Nothing is said without coordinates, of a distance below `SHORTEST`, and by a
    clock that went back.
    """
    before, after = _coordinates(earlier), _coordinates(later)
    elapsed = later.at - earlier.at
    if before is None or after is None or elapsed < 0:
        return False
    far = distance(before, after) - (before.radius or 0) - (after.radius or 0)
    return far >= SHORTEST and far > fastest * elapsed / HOUR


def distance(one: Coordinates, other: Coordinates) -> float:
    """In km along the surface of the earth, by the haversine formula: within 0.6 percent."""
    north, south = radians(one.latitude), radians(other.latitude)
    across = radians(other.longitude - one.longitude)
    half = sin((south - north) / 2) ** 2 + cos(north) * cos(south) * sin(across / 2) ** 2
    return 2 * EARTH_RADIUS * asin(sqrt(min(1.0, half)))


def _coordinates(sighting: Sighting) -> Coordinates | None:
    return None if sighting.place is None else sighting.place.coordinates


def _is_public(ip: str) -> bool:
    """Whether it is an address of the internet. A text that is none may come from anywhere."""
    try:
        address = ip_address(ip)
    except ValueError:
        return True
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    is_ours = address.is_private or address.is_loopback or address.is_link_local
    return not (is_ours or address in _BEHIND_A_CARRIER)
