"""What a metric is: one number of a run, computed at its final evaluation.

It has no part in success, in a run's key or in what a run learns.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.acting import RolloutOutcome

Floats = NDArray[np.floating]


class Metric(Protocol):
    """A metric; `parts.metric` adds its unit, for the headers of tables."""

    unit: str

    def __call__(self, acted: RolloutOutcome, desired: Floats, asked: Floats | None, config: Config) -> float:
        """Return the number of one run, from its test episodes: arrays are (T, B), asked None where all is judged."""
