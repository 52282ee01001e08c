"""An output unit whose action is 0 or 1 at random."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from flipflop import parts
from flipflop.core.nets.cells.base import sigmoid
from flipflop.core.nets.outputs.base import Noise, OutputUnit

Floats = NDArray[np.floating]


@parts.output("bernoulli")
class Bernoulli(OutputUnit):
    """y = 1 with probability sigmoid(o), else 0; its derivative is that of the mean (Bengio et al. 2013)."""

    draws: ClassVar[Noise] = "uniform"

    def act(self, o: Floats, noise: Floats, out: Floats) -> None:
        """See OutputUnit.act."""
        sigmoid(o, out=out)
        out[...] = noise < out

    def slope(self, o: Floats, noise: Floats, y: Floats) -> Floats:
        """See OutputUnit.slope."""
        mean = sigmoid(o)
        return mean * (1 - mean)
