"""An output unit that learns the mean and the standard deviation of its action (Williams 1988)."""

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
class MeanSigmaKnobs(schema.Output):
    """Knobs of the unit that learns mean and standard deviation."""

    scale: AboveZero  # the largest standard deviation


@parts.output("mean_sigma", MeanSigmaKnobs)
class MeanSigma(OutputUnit):
    """y = mu + sigma z, clipped to [0, 1], with mu = sigmoid(o) and sigma = scale sigmoid(o2).

    The derivative ignores the clip.
    """

    draws: ClassVar[Noise] = "normal"
    read_outs = 2

    def __init__(self, knobs: MeanSigmaKnobs) -> None:
        self.scale = knobs.scale

    def act(self, o: Floats, noise: Floats, out: Floats) -> None:
        """See OutputUnit.act."""
        s = sigmoid(o)
        np.multiply(s[:, 1:], noise, out=out)
        out *= self.scale
        out += s[:, :1]
        np.clip(out, 0, 1, out=out)

    def slope(self, o: Floats, noise: Floats, y: Floats) -> Floats:
        """See OutputUnit.slope."""
        s = sigmoid(o)
        slopes: Floats = s * (1 - s)
        slopes[:, 1:] *= noise * self.scale
        return slopes
