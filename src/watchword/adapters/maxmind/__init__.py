"""Places by databases in MaxMind's format (MaxMind DB 2.0): GeoLite2, GeoIP2, and others alike.

A database is read from a copy of one's own without a name, mapped into memory: pages that nobody
asks for take none, and the file itself may be replaced, cut or overwritten at any moment. Mapped
directly, a `cp` over it would end the process (SIGBUS) with everybody's requests.

To read another field: `records`. Invariant: looking somebody up raises nothing, writes nothing down
and asks nobody.
"""

from watchword.adapters.maxmind.database import Database, DatabaseUnusable, open_database
from watchword.adapters.maxmind.places import MaxMindPlaces

__all__ = ["Database", "DatabaseUnusable", "MaxMindPlaces", "open_database"]
