"""Templates in several folders, the first that has a file being the one it is taken from.

Invariant: a template reaches nothing but the facts (jinja2's sandbox), and one that fails, in
whatever way, is a `TemplateFault`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from traceback import extract_tb
from typing import Final

from jinja2 import FileSystemLoader, StrictUndefined, TemplateNotFound, TemplateSyntaxError
from jinja2.nodes import EvalContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_eval_context
from markupsafe import Markup, escape

from watchword.adapters.templates.faults import TemplateFault
from watchword.adapters.templates.words import Words
from watchword.domain.languages import fill
from watchword.domain.letters import Reason
from watchword.ports.mail import Composed

_SUBJECT, _TEXT, _HTML = ".subject.txt", ".txt", ".html"
_KINDS: Final = (_SUBJECT, _TEXT, _HTML)
_GAP = re.compile(r"\n{3,}")


class Shelf:
    def __init__(self, folders: Sequence[Path]) -> None:
        self._home = folders[0]
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(folders),
            autoescape=_is_html,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,  # what was checked at the start is what is sent
        )

    def compose(self, reason: Reason, facts: Mapping[str, str], words: Words) -> Composed:
        """Raise `TemplateFault`."""
        subject, text, html = (self._render(reason + kind, facts, words) for kind in _KINDS)
        return Composed(subject, _GAP.sub("\n\n", text) + "\n", html + "\n")

    def find_faults(
        self, reason: Reason, facts: Mapping[str, str], words: Words
    ) -> Iterator[TemplateFault]:
        for kind in _KINDS:
            try:
                self._render(reason + kind, facts, words)
            except TemplateFault as fault:
                yield fault

    def _render(self, name: str, facts: Mapping[str, str], words: Words) -> str:
        known = {**facts, "language": words.language, "say": _saying(words)}
        try:
            rendered = self._environment.get_template(name).render(known).strip()
        except TemplateSyntaxError as error:
            file = error.filename or str(self._home / name)
            raise TemplateFault(f"{file}, line {error.lineno}", error.message or "") from None
        except TemplateNotFound as error:
            raise TemplateFault(str(self._home / (error.name or name)), "it is missing") from None
        except Exception as error:  # noqa: BLE001  an operator's template can raise whatever it can reach
            raise TemplateFault(_place_of(error, self._home / name), str(error)) from None
        if not rendered or (name.endswith(_SUBJECT) and "\n" in rendered):
            wanted = "one line of text" if name.endswith(_SUBJECT) else "some text"
            raise TemplateFault(str(self._home / name), f"it must make {wanted}")
        return rendered


def _saying(words: Words) -> Callable[..., str]:
    """What templates call to say a text, with facts that are inert in HTML."""

    @pass_eval_context
    def say(context: EvalContext, text: str, /, **facts: object) -> str:
        if not context.autoescape:
            return words.say(text, **facts)
        inert = {name: str(escape(fact)) for name, fact in facts.items()}
        return Markup(fill(str(escape(words.translate(text))), inert))  # noqa: S704  all escaped

    return say


def _is_html(name: str | None) -> bool:
    return name is not None and name.endswith(_HTML)


def _place_of(error: Exception, template: Path) -> str:
    """jinja2 makes the lines of templates those of the traceback."""
    suffixes = (template.suffix, _TEXT, _HTML)
    frames = [f for f in extract_tb(error.__traceback__) if f.filename.endswith(suffixes)]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else str(template)
