"""The sources of breached passwords that the settings name: the file first, for it is nearer."""

from collections.abc import Callable
from functools import partial

from watchword.adapters.breaches import BreachSources, SortedFile, Source, require_usable
from watchword.ports import Meter
from watchword.settings import Settings
from watchword.web.services import RequestLog


def require_breach_file(settings: Settings) -> None:
    """Raise `SortedFileUnusable` when one is named that cannot be used."""
    if settings.breach_file is not None:
        require_usable(settings.breach_file)


def make_breach_sources(settings: Settings, meter: Meter, log: RequestLog) -> BreachSources:
    sources: dict[str, Callable[[], Source]] = {}
    if settings.breach_file is not None:
        sources["WATCHWORD_BREACH_FILE"] = partial(SortedFile, settings.breach_file)
    if settings.breach_url is not None:
        sources["WATCHWORD_BREACH_URL"] = partial(_open_range_api, settings.breach_url)

    def failed(setting: str, reason: str) -> None:
        log.warning("breach_check_unanswered", setting=setting, reason=reason)

    return BreachSources(sources, meter=meter, failed=failed)


def _open_range_api(url: str) -> Source:
    from watchword.adapters.breaches.range_api import (  # lazy: 80 ms that only this source needs
        RangeApi,
    )

    return RangeApi(url)
