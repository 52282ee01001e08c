"""An output unit with normal noise of a fixed standard deviation on the action."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from flipflop import parts
from flipflop.config import schema
from flipflop.config.rules import AboveZero
from flipflop.core.nets.cells.base import sigmoid
from flipflop.core.nets.outputs.base import Noise, OutputUnit

Floats = NDArray[np.floating]


@dataclass(kw_only=True)
class GaussianKnobs(schema.Output):
    """Knobs of the unit with normal noise on the action."""

    scale: AboveZero


@parts.output("gaussian", GaussianKnobs)
class Gaussian(OutputUnit):
    """y = sigmoid(o) + scale z, clipped to [0, 1]; the derivative ignores the clip."""

    draws: ClassVar[Noise] = "normal"

    def __init__(self, knobs: GaussianKnobs) -> None:
        self.scale = knobs.scale

    def act(self, o: Floats, noise: Floats, out: Floats) -> None:
        """See OutputUnit.act."""
        sigmoid(o, out=out)
        out += noise * out.dtype.type(self.scale)
        np.clip(out, 0, 1, out=out)

    def slope(self, o: Floats, noise: Floats, y: Floats) -> Floats:
        """See OutputUnit.slope."""
        mean = sigmoid(o)
        return mean * (1 - mean)
