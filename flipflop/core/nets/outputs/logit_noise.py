"""An output unit with normal noise inside the sigmoid."""

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
class LogitNoiseKnobs(schema.Output):
    """Knobs of the unit with normal noise inside the sigmoid."""

    scale: AboveZero


@parts.output("logit_noise", LogitNoiseKnobs)
class LogitNoise(OutputUnit):
    """y = sigmoid(o + scale z)."""

    draws: ClassVar[Noise] = "normal"

    def __init__(self, knobs: LogitNoiseKnobs) -> None:
        self.scale = knobs.scale

    def act(self, o: Floats, noise: Floats, out: Floats) -> None:
        """See OutputUnit.act."""
        np.multiply(noise, self.scale, out=out)
        out += o
        sigmoid(out, out=out)

    def slope(self, o: Floats, noise: Floats, y: Floats) -> Floats:
        """See OutputUnit.slope."""
        return y * (1 - y)
