"""What the cores can hash: Argon2id on as many threads as there are cores, and nothing else.

Run it as ``python -m bench.hashing SECONDS PARAMETERS``; it prints hashes per second.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from argon2 import PasswordHasher
from argon2.low_level import Type, verify_secret

from watchword.adapters.argon2 import Argon2Parameters, cores

_PASSWORD = b"a password that is hashed"


def rate(seconds: float, parameters: Argon2Parameters) -> float:
    encoded = PasswordHasher(
        time_cost=parameters.passes,
        memory_cost=parameters.memory,
        parallelism=parameters.lanes,
    ).hash(_PASSWORD)

    def verify_until(ends_at: float) -> float:
        began, count = perf_counter(), 0
        while perf_counter() < ends_at:
            verify_secret(encoded.encode(), _PASSWORD, Type.ID)
            count += 1
        return count / (perf_counter() - began)

    threads = cores()
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(verify_until, [perf_counter() + seconds] * threads))


def main() -> None:
    print(rate(float(sys.argv[1]), Argon2Parameters.parse(sys.argv[2])))


if __name__ == "__main__":
    main()
