"""Means over the numbers of each run, which are bitwise the same in any block."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def mean_per_run(a: NDArray[np.generic]) -> Floats:
    """Return the mean (R,) of the numbers (R, ...) of each run, bitwise the same in any block."""
    flat = np.ascontiguousarray(a).reshape(len(a), -1)
    mean: Floats = np.add.reduce(flat, axis=1) / flat.shape[1]
    return mean
