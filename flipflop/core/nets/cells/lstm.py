"""Long short-term memory (Hochreiter & Schmidhuber 1997) with forget gates, without peepholes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop import parts
from flipflop.config import schema
from flipflop.config.rules import Number
from flipflop.core.nets.cells.base import Cell, sigmoid

Floats = NDArray[np.floating]


@dataclass(kw_only=True)
class LSTMKnobs(schema.Cell):
    """Knobs of the LSTM cell."""

    forget_bias: Number


@parts.cell("lstm", LSTMKnobs)
class LSTM(Cell):
    """c_t = f c_{t-1} + i g and h_t = o tanh(c_t), with c_{-1} = 0 (experiment: Cells).

    i, f and o are the sigmoid and g is the tanh of their parts of z, which has them in the order i, f, g, o (Gers,
    Schmidhuber & Cummins 2000).
    """

    gates = 4
    gate_names = ("i", "f", "g", "o")
    sees_inputs = sees_state = (True,) * 4
    work = 3.0

    def __init__(self, knobs: LSTMKnobs, R: int, T: int, B: int, hidden: int, dtype: DTypeLike) -> None:
        self.a = np.empty((T, R, B, 4, hidden), dtype)
        self.c, self.tanh_c = np.zeros((T + 1, R, B, hidden), dtype), np.empty((T, R, B, hidden), dtype)

    @staticmethod
    def initial_bias(knobs: LSTMKnobs, hidden: int) -> Floats:
        """See Cell.initial_bias: a positive forget_bias starts with open forget gates (Gers et al. 2000)."""
        return np.repeat([0.0, knobs.forget_bias, 0.0, 0.0], hidden)

    def forward(self, z: Floats, t: int, before: Floats, h: Floats) -> None:
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
        """See Cell.slopes: dh_t/dc_t, the derivative of c_t to z of i, f, g, of h_t to z of o, and dc_t/dc_{t-1}."""
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
