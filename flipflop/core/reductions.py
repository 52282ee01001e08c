"""Means over the numbers of one run, with the same bits in any block."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def mean_per_run(a: NDArray[np.generic]) -> Floats:
    """The mean of each run's numbers, (R, ...) -> (R,), with the same bits in any block."""
    flat = np.ascontiguousarray(a).reshape(len(a), -1)
    mean: Floats = np.add.reduce(flat, axis=1) / flat.shape[1]
    return mean
