"""The cell of simple recurrent networks (Elman 1990), with tanh or logistic units."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop import parts
from flipflop.config import schema
from flipflop.config.rules import one_of
from flipflop.core.nets.cells.base import Cell, sigmoid

Floats = NDArray[np.floating]


@dataclass(kw_only=True)
class ElmanKnobs(schema.Cell):
    """Knobs of the Elman cell."""

    activation: Annotated[str, one_of("tanh", "logistic")]


@parts.cell("elman", ElmanKnobs)
class Elman(Cell):
    """h = tanh(z), or h = 1 / (1 + e^-z) with activation=logistic (experiment: Cells). It has no inner state."""

    gates = 1
    carries_sensitivities = True

    def __init__(self, knobs: ElmanKnobs, R: int, T: int, B: int, hidden: int, dtype: DTypeLike) -> None:
        self.is_logistic = knobs.activation == "logistic"

    def forward(self, z: Floats, t: int, before: Floats, h: Floats) -> None:
        """See Cell.forward."""
        if self.is_logistic:
            sigmoid(z, out=h)
        else:
            np.tanh(z, out=h)

    def slopes(self, h: Floats) -> tuple[Floats, ...]:
        """See Cell.slopes: dh/dz."""
        if self.is_logistic:
            slope = np.subtract(1, h, order="C")
            return (np.multiply(h, slope, out=slope),)
        slope = np.square(h, order="C")
        return (np.subtract(1, slope, out=slope),)

    def backward(self, dh: Floats, dc: Floats, slopes: tuple[Floats, ...], out: Floats) -> None:
        """See Cell.backward."""
        np.multiply(dh, slopes[0], out=out)
