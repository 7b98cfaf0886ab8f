"""Passwords hashed with Argon2id on threads of their own, behind a queue that refuses politely."""

from watchword.adapters.argon2.hasher import Argon2Hasher, Argon2Parameters, is_supported
from watchword.adapters.argon2.pool import HashingPool, PoolObserver, cores
from watchword.adapters.argon2.storm import GatheringHasher

__all__ = [
    "Argon2Hasher",
    "Argon2Parameters",
    "GatheringHasher",
    "HashingPool",
    "PoolObserver",
    "cores",
    "is_supported",
]
