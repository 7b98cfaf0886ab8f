"""What a core and a disk hold is reckoned from what was measured, and from nothing else."""

from bench.figures import Figure, Series
from bench.sizing import sizing


def measured(job: str, name: str, *samples: float) -> Series:
    return Series(job, Figure(name=name, title=name, unit=""), list(samples))


class TestARow:
    def test_is_what_one_core_does_in_a_second(self) -> None:
        lines = sizing([measured("protected", "protected_cpu", 50.0, 40.0, 60.0)])
        assert "| `GET /profile`, one core of a node | 20,000/s |  |" in lines

    def test_of_hashing_is_so_as_well(self) -> None:
        lines = sizing(
            [measured("sign-in", "cpu", 20.0), measured("postgres-sign-in", "cpu", 25.0)]
        )
        assert "| `POST /auth/login`, one core of a node | 50.0/s | 40.0/s |" in lines

    def test_is_what_a_million_takes_on_the_disk(self) -> None:
        lines = sizing([measured("postgres-scale", "session_bytes", 750.0)])
        assert "| disk for a million sessions |  | 0.75 GB |" in lines

    def test_is_the_memory_at_each_size(self) -> None:
        found = [
            measured("scale", "idle_1000000", 70.4),
            measured("scale", "idle_10000", 70.0),
            measured("scale", "idle_1000000_ratio", 1.0),
            measured("postgres-scale", "idle_10000", 77.0),
        ]
        assert sizing(found)[-2:] == [
            "| memory of an idle process, 10,000 sessions | 70 MiB | 77 MiB |",
            "| memory of an idle process, 1,000,000 sessions | 70 MiB |  |",
        ]

    def test_without_figures_is_empty(self) -> None:
        assert all(line.endswith("|  |  |") for line in sizing([])[2:])
