"""Moments and spans, in whole milliseconds; a moment counts from the epoch, in UTC."""

from typing import Final

Instant = int
Span = int

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
