"""Plain gradient descent, as in 1990."""

import numpy as np
from numpy.typing import NDArray

from flipflop import parts
from flipflop.core.learning.optimisers.base import Floats, Optimiser


@parts.optimiser("sgd")
class SGD(Optimiser):
    """theta -= lr * gradient."""

    def change(self, gradient: Floats, learns: NDArray[np.bool_] | None) -> Floats:
        """See Optimiser.change."""
        gradient *= self.lr
        return gradient
