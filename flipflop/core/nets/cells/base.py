"""What nets ask of a recurrent cell: its pointwise part, from z to h and back.

A cell's z has G numbers for each hidden unit, one per gate. Products with weights are shared by all cells (rollout.py,
backprop.py). A cell belongs to one rollout and keeps what its way back needs. Shapes as in weights.py; arrays of a cell
are time-first, as the way back is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop import parts
from flipflop.config.schema import Cell as Knobs

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


class Cell(ABC):
    """A recurrent cell of R runs, T time steps, B episodes and H hidden units."""

    gates: ClassVar[int]  # G
    gate_names: ClassVar[tuple[str, ...]] = ("",)  # one per gate, for figures
    sees_inputs: ClassVar[tuple[bool, ...]] = (True,)  # whether z of a gate depends on the inputs, one per gate
    sees_state: ClassVar[tuple[bool, ...]] = (True,)  # and whether it depends on h of the step before
    # Whether h is a function of z alone, unit by unit: real-time recurrent learning asks for that.
    carries_sensitivities: ClassVar[bool] = False
    work: ClassVar[float] = 1.0  # arithmetic of a time step, as a multiple of an Elman cell's of as many units

    @abstractmethod
    def __init__(self, knobs: Any, R: int, T: int, B: int, hidden: int, dtype: DTypeLike) -> None:
        """Allocate what the way back needs, once: every rollout reuses it."""

    @staticmethod
    def initial_bias(knobs: Any, hidden: int) -> Floats | None:
        """Return the biases (G*H,) before training; None: 0."""
        return None

    @abstractmethod
    def forward(self, z: Floats, t: int, before: Floats, h: Floats) -> None:
        """Write h_t (R, B, H) from z (R, B, G*H) and h_{t-1}, `before` (R, B, H). `z` may be overwritten."""

    @abstractmethod
    def slopes(self, h: Floats) -> tuple[Floats, ...]:
        """Return what `backward` needs, for all time steps at once, from h (T, R, B, H).

        Time is the first axis of each array.
        """

    @abstractmethod
    def backward(self, dh: Floats, dc: Floats, slopes: tuple[Floats, ...], out: Floats) -> None:
        """Write the derivative to z (R, B, G*H) from that to h (R, B, H); for one time step or for all.

        `dc` (R, B, H) holds the derivative to the cell's inner state after the step, and is left with the derivative to
        the state before. A cell without an inner state leaves it alone.
        """


CellMaker = Callable[[int, int, int, int, DTypeLike], Cell]  # (R, T, B, hidden, dtype)


def class_of(knobs: Knobs) -> type[Cell]:
    """Return the class of the cell that some knobs are of."""
    made: type[Cell] = parts.get("cell", knobs.name).make
    return made


def cell_maker(knobs: Knobs) -> CellMaker:
    """Return what makes cells with these knobs."""
    return partial(class_of(knobs), knobs)
