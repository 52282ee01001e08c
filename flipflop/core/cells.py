"""Recurrent cells: their pointwise part alone, from z to h and back. Products with weights are shared by all (nets.py).

A cell belongs to one rollout and keeps what its way back needs. Shapes as in nets.py; arrays of a cell are time-first,
as the way back is.
"""

from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

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


class LSTM:
    """Gers, Schmidhuber & Cummins 2000, without peepholes; z holds the gates i, f, g, o one after another.

    c_t = f c_{t-1} + i g and h_t = o tanh(c_t), with i, f, o the sigmoid and g the tanh of their parts of z, c_{-1} = 0
    """

    gates = 4

    def __init__(self, R: int, T: int, B: int, hidden: int, dtype: DTypeLike) -> None:
        """Allocate gates and states, reused by every rollout."""
        self.a = np.empty((T, R, B, 4, hidden), dtype)
        self.c, self.tanh_c = np.zeros((T + 1, R, B, hidden), dtype), np.empty((T, R, B, hidden), dtype)

    def forward(self, z: Floats, t: int, h: Floats) -> None:
        """See Cell.forward."""
        a, c, tanh_c = self.a[t], self.c[t + 1], self.tanh_c[t]
        z = z.reshape(a.shape)
        sigmoid(z, out=a)
        np.tanh(z[..., 2, :], out=a[..., 2, :])
        np.multiply(a[..., 1, :], self.c[t], out=c)
        c += a[..., 0, :] * a[..., 2, :]
        np.tanh(c, out=tanh_c)
        np.multiply(a[..., 3, :], tanh_c, out=h)

    def slopes(self, h: Floats) -> tuple[Floats, ...]:
        """dh/dc, dc/d(i, f, g), dh/do and dc_t/dc_{t-1}, the first four to z."""
        i, f, g, o = (self.a[..., gate, :] for gate in range(4))
        to_igf = np.stack([g * i * (1 - i), self.c[:-1] * f * (1 - f), i * (1 - g * g)], axis=-2)
        return o * (1 - self.tanh_c * self.tanh_c), to_igf, self.tanh_c * o * (1 - o), f

    def backward(self, dh: Floats, dc: Floats, slopes: tuple[Floats, ...], out: Floats) -> None:
        """See Cell.backward."""
        to_c, to_igf, to_o, f = slopes
        dc += dh * to_c
        out = out.reshape(*dh.shape[:-1], 4, dh.shape[-1])
        np.multiply(dc[..., None, :], to_igf, out=out[..., :3, :])
        np.multiply(dh, to_o, out=out[..., 3, :])
        dc *= f


Kind = type[Elman] | type[LSTM]

CELLS: dict[str, Kind] = {"elman": Elman, "lstm": LSTM, "feedforward": Elman}


def kind_of(cell: str, activation: str) -> Kind:
    """The kind of cell that a net's settings ask for."""
    return Logistic if activation == "logistic" else CELLS[cell]
