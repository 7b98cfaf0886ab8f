"""For tests: a clock that is set by hand, randomness that repeats, and what a store must keep.

`watchword.testing.conformance` (which needs pytest and pytest-asyncio) proves a store of your own.
"""

from watchword.testing.fakes import FakeClock, SeededRandomness

__all__ = ["FakeClock", "SeededRandomness"]
