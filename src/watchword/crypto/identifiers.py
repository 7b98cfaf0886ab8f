"""Ids sort by the moment they were made, and tell no more than that; they are no secrets."""

_TIME_BYTES = 6
RANDOM_BYTES = 10


def make_id(at: int, random: bytes) -> str:
    """32 hexadecimal digits from a moment in ms and ``RANDOM_BYTES`` random bytes."""
    return (at.to_bytes(_TIME_BYTES, "big") + random).hex()
