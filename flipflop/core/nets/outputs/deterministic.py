"""The output unit of the page, without noise."""

import numpy as np
from numpy.typing import NDArray

from flipflop import parts
from flipflop.core.nets.cells.base import sigmoid
from flipflop.core.nets.outputs.base import OutputUnit

Floats = NDArray[np.floating]


@parts.output("deterministic")
class Deterministic(OutputUnit):
    """y = sigmoid(o)."""

    def act(self, o: Floats, noise: Floats, out: Floats) -> None:
        """See OutputUnit.act."""
        sigmoid(o, out=out)

    def slope(self, o: Floats, noise: Floats, y: Floats) -> Floats:
        """See OutputUnit.slope."""
        return y * (1 - y)
