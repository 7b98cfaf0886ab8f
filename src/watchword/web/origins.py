"""What people are told of where a request came from: by what, and from where."""

from dataclasses import dataclass

from watchword.domain.devices import Device, Origin
from watchword.domain.places import Place
from watchword.ports import Places, UserAgents


@dataclass(frozen=True, slots=True)
class Origins:
    user_agents: UserAgents
    places: Places

    def device(self, origin: Origin) -> Device:
        return self.user_agents.parse(origin.user_agent)

    def place(self, origin: Origin) -> Place | None:
        return self.places.find(origin.ip)
