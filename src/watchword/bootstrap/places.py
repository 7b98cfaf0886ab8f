"""The database of places that the settings name, and who keeps it fresh."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword.adapters.maxmind import MaxMindPlaces
from watchword.flows.place_keeping import PlaceKeeper
from watchword.ports import Clock, PlaceSource, Randomness
from watchword.settings import Settings
from watchword.web.services import RequestLog

if TYPE_CHECKING:
    from watchword.adapters.maxmind.download import Progress


def make_places(settings: Settings, log: RequestLog) -> MaxMindPlaces:
    def failed(reason: str) -> None:
        log.warning("places_unusable", reason=reason)

    return MaxMindPlaces(settings.geo_file, settings.geo_dir, failed)


def make_source(settings: Settings, progress: "Progress | None" = None) -> PlaceSource | None:
    """None where nobody has said that databases are to be fetched."""
    url, key = settings.geo_source, settings.maxmind_license_key
    if url is None:
        return None
    import httpx2  # lazy: 80 ms, and only for those who have databases fetched

    from watchword.adapters.maxmind.download import Credentials, Download  # lazy: as above
    from watchword.adapters.maxmind.source import MaxMindSource, unseen  # lazy: as above

    account = settings.maxmind_account_id
    credentials = None if account is None or key is None else Credentials(account, key)

    def download() -> Download:
        return Download(url, credentials, httpx2.AsyncHTTPTransport())

    return MaxMindSource(settings.geo_file, download, progress or unseen)


@dataclass(frozen=True, slots=True)
class PlaceLines:
    """What becomes of databases, in the log."""

    log: RequestLog

    def fetched(self) -> None:
        self.log.info("places_fetched")

    def not_fetched(self, reason: str) -> None:
        self.log.warning("places_not_fetched", reason=reason)


def make_place_keeper(  # noqa: PLR0917  as the parts lie
    settings: Settings,
    places: MaxMindPlaces,
    clock: Clock,
    randomness: Randomness,
    log: RequestLog,
) -> PlaceKeeper:
    return PlaceKeeper(places, make_source(settings), clock, randomness, PlaceLines(log))
