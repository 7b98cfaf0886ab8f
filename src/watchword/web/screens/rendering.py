"""Pages from templates: the operator's where there are any, and where those fail, ours.

Invariant: no script and no style stands in a page, so the policy that it is sent with allows none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watchword.domain.accounts import Account
from watchword.domain.roles import Permission
from watchword.web.answers import Answer, Header
from watchword.web.screens.look import Assets, Look
from watchword.web.screens.words import Languages, Words

if TYPE_CHECKING:
    from jinja2 import Environment

OURS: Final = Path(__file__).parent
_HTML: Final[Header] = (b"content-type", b"text/html; charset=utf-8")
_POLICY: Final[Header] = (
    b"content-security-policy",
    (
        b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
)
# To other sites as little as anywhere. But under ``no-referrer`` a form says that it comes from
# ``null``, and browsers that send no Sec-Fetch-Site (Safari before 16.4) could not sign in.
_REFERRER: Final[Header] = (b"referrer-policy", b"same-origin")
# What a form may be shown with, and is not at first.
_EMPTY: Final[Mapping[str, object]] = {
    "filled": {},
    "problems": {},
    "alert": "",
    "done": "",
    "return_to": "",
    "token": "",
    "recovers": False,
}


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks at a page, and where: ``root`` is the path that this application is mounted at,
    ``csrf_token`` what a form of theirs has to carry; both are empty for many. Of the console
    one is shown the way to what one has ``permissions`` for.
    """

    root: str
    words: Words
    account: Account | None = None
    csrf_token: str = ""
    permissions: frozenset[Permission] = frozenset()


class Screens:
    """``folder`` holds the operator's templates, ``failed`` is told of one that cannot be used."""

    def __init__(
        self,
        look: Look,
        languages: Languages,
        folder: Path | None,
        failed: Callable[[str, Exception], None],
    ) -> None:
        self.languages = languages
        self._look = look
        self._folder = folder
        self._failed = failed

    @cached_property
    def assets(self) -> Assets:
        return Assets(self._look, self._failed)

    def show(
        self, page: str, visit: Visit, facts: Mapping[str, object], *, status: int = 200
    ) -> Answer:
        """``facts`` are what the template of that name may say."""
        known = {
            **_EMPTY,
            **facts,
            "page": page,
            "service": self._look.service_name,
            "language": visit.words.language,
            "say": visit.words.say,
            "account": visit.account,
            "csrf_token": visit.csrf_token,
            "permissions": visit.permissions,
            "logo": self.assets.logo,
            "href": lambda path: f"{visit.root}{path}",
            "asset": lambda name: f"{visit.root}{self.assets.address(name)}",
        }
        text = self._render(f"{page}.html", known)
        return Answer(status, text.encode(), [_HTML, _POLICY, _REFERRER])

    def _render(self, template: str, facts: Mapping[str, object]) -> str:
        if self._folder is not None:
            try:
                return self._theirs.get_template(template).render(facts)
            except Exception as error:  # noqa: BLE001  a template can raise whatever it can reach
                self._failed(template, error)
        return self._ours.get_template(template).render(facts)

    @cached_property
    def _theirs(self) -> "Environment":
        assert self._folder is not None
        return _environment([self._folder, OURS / "templates"])

    @cached_property
    def _ours(self) -> "Environment":
        return _environment([OURS / "templates"])


def _environment(folders: Sequence[Path]) -> "Environment":
    """A template reaches nothing but its facts."""
    from jinja2 import FileSystemLoader, StrictUndefined  # lazy: 50 ms, not before the first page
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # lazy: with it

    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
