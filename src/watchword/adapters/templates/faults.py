"""What can be wrong with a template."""

from collections.abc import Sequence

from watchword.domain.errors import Unavailable


class TemplateFault(Exception):
    """``file`` is the template to mend, with its line where that is known."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"{file}: {problem}")
        self.file = file
        self.problem = problem


class TemplatesUnusable(Unavailable):
    """One line for each template to mend."""

    def __init__(self, faults: Sequence[TemplateFault]) -> None:
        super().__init__()
        self._text = "\n  ".join(["Templates of mail need your attention:", *map(str, faults)])

    def __str__(self) -> str:
        return self._text
