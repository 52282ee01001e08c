"""The cells that a config can choose, by name."""

import numpy as np
from numpy.typing import NDArray

from flipflop.core.nets.cells.elman import Elman, Logistic
from flipflop.core.nets.cells.lstm import LSTM

Floats = NDArray[np.floating]
Kind = type[Elman] | type[LSTM]


CELLS: dict[str, Kind] = {"elman": Elman, "lstm": LSTM, "feedforward": Elman}


def kind_of(cell: str, activation: str) -> Kind:
    """The kind of cell that a net's settings ask for."""
    return Logistic if activation == "logistic" else CELLS[cell]
