"""Mail in people's own words, by jinja2.

The templates lie in ``mail/<language>/``: for each `Reason` a ``<reason>.subject.txt``, a ``.txt``
and a ``.html``; what they share stands in ``layout``, ``link`` and ``notice``. To add a language: a
folder with all of them.
"""

from watchword.adapters.templates.composer import TemplateComposer
from watchword.adapters.templates.faults import TemplateFault, TemplatesUnusable

__all__ = ["TemplateComposer", "TemplateFault", "TemplatesUnusable"]
