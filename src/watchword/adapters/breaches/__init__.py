"""Passwords known from breaches, by the SHA-1 of each: a server of the range protocol of Pwned
Passwords, and the same data as a sorted file.

To add a source: a module with a `Source`, and its line in `watchword.bootstrap.breaches`.
"""

from watchword.adapters.breaches.sorted_file import SortedFile, SortedFileUnusable, require_usable
from watchword.adapters.breaches.sources import BreachSources, Source, Unanswered

__all__ = [
    "BreachSources",
    "SortedFile",
    "SortedFileUnusable",
    "Source",
    "Unanswered",
    "require_usable",
]
