"""What nets ask of a recurrent cell: its pointwise part, from z to h and back.

Products with weights are shared by all cells (rollout.py, backprop.py). A cell belongs to one rollout and keeps what
its way back needs. Shapes as in weights.py; arrays of a cell are time-first, as the way back is.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def sigmoid(a: Floats, out: Floats | None = None) -> Floats:
    """1 / (1 + e^-a), its argument clipped to +-50 as published.

    The upper bound needs no clipping: from a = 37 on the result is 1 to the last bit in both precisions.
    """
    out = np.negative(a, out=out)
    np.minimum(out, 50, out=out)
    np.exp(out, out=out)
    out += 1
    return np.reciprocal(out, out=out)


class Cell(Protocol):
    """What nets ask of a cell."""

    gates: int  # G: how many numbers of z a hidden unit takes

    def forward(self, z: Floats, t: int, h: Floats) -> None:
        """Write h_t (R, B, H) from z (R, B, G*H)."""

    def slopes(self, h: Floats) -> tuple[Floats, ...]:
        """What `backward` needs, for all time steps at once, from h (T, R, B, H): time is each array's first axis."""

    def backward(self, dh: Floats, dc: Floats, slopes: tuple[Floats, ...], out: Floats) -> None:
        """Write the derivative to z from that to h; for one time step or for all.

        `dc` holds the derivative to the cell's inner state after the step, and is left with that to the state before.
        """
