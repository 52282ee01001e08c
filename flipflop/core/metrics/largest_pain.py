"""The largest pain in a run's test, which can be large while the mean pain is small."""

import numpy as np
from numpy.typing import NDArray

from flipflop import parts
from flipflop.config.schema import Config
from flipflop.core.acting import RolloutOutcome

Floats = NDArray[np.floating]


@parts.metric("largest_pain", unit="squared distance")
def largest_pain(acted: RolloutOutcome, desired: Floats, asked: Floats | None, config: Config) -> float:
    """Return the largest pain of any time step of the test episodes."""
    return float(acted.pain.max())
