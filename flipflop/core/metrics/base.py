"""Metrics: each is a function that returns one number of a run from its final evaluation.

A metric does not affect success, the key of a run or its training.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.acting import RolloutOutcome

Floats = NDArray[np.floating]


class Metric(Protocol):
    """A metric; `parts.metric` sets its unit, which is shown after its value."""

    unit: str

    def __call__(self, acted: RolloutOutcome, desired: Floats, asked: Floats | None, config: Config) -> float:
        """Return the metric of one run.

        Args:
            acted: actions and pain in the test episodes, (T, B) each.
            desired: (T, B), the desired actions.
            asked: (T, B), 1 where the action is judged and 0 elsewhere; None: every action is judged.
            config: of the run.
        """
