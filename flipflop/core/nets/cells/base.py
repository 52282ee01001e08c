"""The base class of recurrent cells: the pointwise functions from z to h, and their derivatives.

z has G numbers for each hidden unit, one per gate. The products with weights are the same for all cells (rollout.py,
backprop.py). A cell belongs to one rollout and stores what its backward pass needs. Shapes are those of weights.py; in
arrays of a cell, time is the first axis.
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
    """Return 1 / (1 + e^-a), with a clipped to [-50, 50] as in the published program (experiment: Networks).

    Only the lower bound has an effect: for a > 37 the result is exactly 1 in float64 and float32.
    """
    out = np.negative(a, out=out)
    np.minimum(out, 50, out=out)
    np.exp(out, out=out)
    out += 1
    return np.reciprocal(out, out=out)


class Cell(ABC):
    """A recurrent cell of R runs with H hidden units in B episodes of T time steps."""

    gates: ClassVar[int]  # the number of gates, G
    gate_names: ClassVar[tuple[str, ...]] = ("",)  # of each gate, for figures
    sees_inputs: ClassVar[tuple[bool, ...]] = (True,)  # for each gate, whether its z depends on the inputs
    sees_state: ClassVar[tuple[bool, ...]] = (True,)  # for each gate, whether its z depends on h_{t-1}
    # Whether h of a unit depends on its z only, as real-time recurrent learning requires.
    carries_sensitivities: ClassVar[bool] = False
    work: ClassVar[float] = 1.0  # arithmetic per time step, relative to an Elman cell with as many units

    @abstractmethod
    def __init__(self, knobs: Any, R: int, T: int, B: int, hidden: int, dtype: DTypeLike) -> None:
        """Allocate the arrays that the backward pass needs; every forward pass reuses them."""

    @staticmethod
    def initial_bias(knobs: Any, hidden: int) -> Floats | None:
        """Return the initial biases (G*H,); None: all are 0."""
        return None

    @abstractmethod
    def forward(self, z: Floats, t: int, before: Floats, h: Floats) -> None:
        """Write h_t to `h` (R, B, H).

        Args:
            z: (R, B, G*H) of time step t; may be overwritten.
            t: the time step.
            before: (R, B, H), h_{t-1}.
            h: (R, B, H), the output.
        """

    @abstractmethod
    def slopes(self, h: Floats) -> tuple[Floats, ...]:
        """Return the arrays that `backward` needs, for all time steps at once; time is their first axis.

        Args:
            h: (T, R, B, H), the states of the forward pass.
        """

    @abstractmethod
    def backward(self, dh: Floats, dc: Floats, slopes: tuple[Floats, ...], out: Floats) -> None:
        """Write the derivative to z to `out`, for one time step or, with a leading axis T, for all.

        Args:
            dh: (R, B, H), the derivative to h_t.
            dc: (R, B, H), the derivative to the inner state of the cell after the time step, which is overwritten with
                that to the inner state before it. A cell without an inner state does not use it.
            slopes: what `slopes` returned, for this time step or for all.
            out: (R, B, G*H), the output.
        """


CellMaker = Callable[[int, int, int, int, DTypeLike], Cell]  # (R, T, B, hidden, dtype)


def class_of(knobs: Knobs) -> type[Cell]:
    """Return the class of the cell that the knobs name."""
    made: type[Cell] = parts.get("cell", knobs.name).make
    return made


def cell_maker(knobs: Knobs) -> CellMaker:
    """Return a function that makes cells with these knobs."""
    return partial(class_of(knobs), knobs)
