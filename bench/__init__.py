"""The benchmark: Watchword beside what it could be at best, as ratios within one run.

Not part of the package that is shipped. A figure is only ever written by a run; see
docs/performance.md for the method and for how to read it.
"""
