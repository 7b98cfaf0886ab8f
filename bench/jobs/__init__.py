"""The jobs: each measures one promise, a round at a time.

To add one: a module here with a class that keeps `Job`, and its line in `JOBS`. A ratio is taken
between measurements of one round, so both sides are measured in `measure`, next to each other.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from bench.ground import Ground
from bench.jobs.enumeration import Enumeration
from bench.jobs.importing import Import
from bench.jobs.job import Job
from bench.jobs.protected import Protected
from bench.jobs.queue import WaitingSignIns
from bench.jobs.refresh import Refreshes
from bench.jobs.revocation import Revocations
from bench.jobs.scale import Scale
from bench.jobs.sign_in import SignIns
from bench.jobs.start import Start
from bench.jobs.storm import LoginStorm

__all__ = ["JOBS", "Job"]

JOBS: Final[Mapping[str, Callable[[Ground], Job]]] = {
    "protected": partial(Protected, workers=1),
    "protected-2": partial(Protected, workers=2),
    "refresh": Refreshes,
    "sign-in": SignIns,
    "storm": LoginStorm,
    "queue": WaitingSignIns,
    "start": Start,
    "revocation": Revocations,
    "enumeration": Enumeration,
    "import": Import,
    "scale": Scale,
}
