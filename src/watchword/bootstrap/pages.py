"""The pages, in the operator's colours and words."""

from watchword.settings import Settings
from watchword.web.screens.look import Look
from watchword.web.screens.rendering import OURS, Screens
from watchword.web.screens.words import Languages
from watchword.web.services import RequestLog


def make_screens(settings: Settings, log: RequestLog) -> Screens:
    """In the operator's folder, templates lie in ``pages``, and words in ``pages/languages``."""
    theirs = settings.templates / "pages" if settings.templates is not None else None
    words = [OURS / "languages"] if theirs is None else [OURS / "languages", theirs / "languages"]

    def failed(template: str, error: Exception) -> None:
        log.error("template_failed", template=template, reason=str(error))

    return Screens(
        Look(settings.service_name, settings.color, settings.logo),
        Languages(settings.language, words, failed),
        theirs,
        failed,
    )
