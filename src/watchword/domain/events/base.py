"""What all audit facts have in common."""

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact about ``subject``, caused by ``actor``: user ids, None for the service itself."""

    type: ClassVar[str]
    subject: str | None
    actor: str | None = None
    session: str | None = None

    def details(self) -> dict[str, str | int | bool | None]:
        """The fields of this kind of event beyond those that all share, by their wire names."""
        shared = {"subject", "actor", "session"}
        own = [field.name for field in fields(self) if field.name not in shared]
        return {wire_name(name): getattr(self, name) for name in own}


def wire_name(name: str) -> str:
    """In camelCase, as all keys are that clients see."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
