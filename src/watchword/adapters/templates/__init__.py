"""Mail in people's own words, by jinja2.

The templates lie in ``mail``: for each `Reason` a ``<reason>.subject.txt``, a ``.txt`` and a
``.html``; what they share stands in ``layout``, ``link`` and ``notice``. To add a language: a file
in ``mail/languages``.
"""

from watchword.adapters.templates.composer import TemplateComposer
from watchword.adapters.templates.faults import TemplateFault, TemplatesUnusable
from watchword.adapters.templates.words import find_languages

__all__ = ["TemplateComposer", "TemplateFault", "TemplatesUnusable", "find_languages"]
