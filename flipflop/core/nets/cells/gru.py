"""The gated recurrent unit (Cho et al. 2014, the first version: the reset gate acts after the recurrent product)."""

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop import parts
from flipflop.config import schema
from flipflop.core.nets.cells.base import Cell, sigmoid

Floats = NDArray[np.floating]


@parts.cell("gru")
class GRU(Cell):
    """h_t = u h_{t-1} + (1 - u) n with n = tanh(z_x + r z_h), u = sigmoid(z_u), r = sigmoid(z_r) (experiment: Cells).

    z_x depends on the inputs and z_h on h_{t-1}. They are separate parts of z because r scales z_h only; each has its
    biases.
    """

    gates = 4
    gate_names = ("u", "r", "x", "h")  # update, reset, and the candidate's parts from inputs and from h_{t-1}
    sees_inputs = (True, True, True, False)
    sees_state = (True, True, False, True)
    work = 3.0

    def __init__(self, knobs: schema.Cell, R: int, T: int, B: int, hidden: int, dtype: DTypeLike) -> None:
        self.ur = np.empty((T, R, B, 2, hidden), dtype)
        self.n, self.z_h, self.before = np.empty((3, T, R, B, hidden), dtype)

    def forward(self, z: Floats, t: int, before: Floats, h: Floats) -> None:
        """See Cell.forward."""
        ur, n = self.ur[t], self.n[t]
        z = z.reshape(*ur.shape[:-2], 4, ur.shape[-1])
        sigmoid(z[..., :2, :], out=ur)
        u, r = ur[..., 0, :], ur[..., 1, :]
        self.z_h[t], self.before[t] = z[..., 3, :], before
        np.multiply(r, self.z_h[t], out=n)
        n += z[..., 2, :]
        np.tanh(n, out=n)
        np.subtract(self.before[t], n, out=h)
        h *= u
        h += n

    def slopes(self, h: Floats) -> tuple[Floats, ...]:
        """See Cell.slopes: the derivatives of h_t to the four parts of z, and u, its direct derivative to h_{t-1}."""
        u, r = self.ur[..., 0, :], self.ur[..., 1, :]
        to_x = (1 - u) * (1 - self.n * self.n)
        to_u = (self.before - self.n) * u * (1 - u)
        return np.stack([to_u, to_x * self.z_h * r * (1 - r), to_x, to_x * r], axis=-2), u

    def backward(self, dh: Floats, dc: Floats, slopes: tuple[Floats, ...], out: Floats) -> None:
        """See Cell.backward; the inner state is h, so dc has the part of the derivative that does not go through z."""
        to_z, u = slopes
        dc += dh
        np.multiply(dc[..., None, :], to_z, out=out.reshape(to_z.shape))
        dc *= u
