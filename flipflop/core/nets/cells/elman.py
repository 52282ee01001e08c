"""The cells of simple recurrent nets (Elman 1990), with tanh or logistic units."""

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop.core.nets.cells.base import sigmoid

Floats = NDArray[np.floating]


class Elman:
    """h = tanh(z) (Elman 1990). It has no inner state."""

    gates = 1

    def __init__(self, R: int, T: int, B: int, hidden: int, dtype: DTypeLike) -> None:
        """All that is needed for the way back is h."""

    def forward(self, z: Floats, t: int, h: Floats) -> None:
        """See Cell.forward."""
        np.tanh(z, out=h)

    def slopes(self, h: Floats) -> tuple[Floats, ...]:
        """dh/dz."""
        slope = np.square(h, order="C")
        return (np.subtract(1, slope, out=slope),)

    def backward(self, dh: Floats, dc: Floats, slopes: tuple[Floats, ...], out: Floats) -> None:
        """See Cell.backward."""
        np.multiply(dh, slopes[0], out=out)


class Logistic(Elman):
    """h = 1 / (1 + e^-z): the same with the units of the 1980s."""

    def forward(self, z: Floats, t: int, h: Floats) -> None:
        """See Cell.forward."""
        sigmoid(z, out=h)

    def slopes(self, h: Floats) -> tuple[Floats, ...]:
        """dh/dz."""
        slope = np.subtract(1, h, order="C")
        return (np.multiply(h, slope, out=slope),)
