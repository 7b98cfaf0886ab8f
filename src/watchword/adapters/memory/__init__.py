"""The store on dicts, for tests of the core: all that a real one promises, save surviving the end
of the process. It is run by the same conformance suite.
"""

from watchword.adapters.memory.store import MemoryStore

__all__ = ["MemoryStore"]
