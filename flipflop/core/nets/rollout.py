"""The forward pass of recurrent nets in lock-step. Shapes as in weights.py.

Runs never mix: R is only ever a batch axis. A run's numbers are bitwise the same in any block because every product is
a stacked matmul over runs or an einsum that keeps the hidden axis, and every mean is taken over one run's own
contiguous numbers (reductions.py). A sum over leading axes would depend on how many runs stand beside it.
"""

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop.core.nets.cells.base import CellMaker, sigmoid
from flipflop.core.nets.weights import ACTION, CONSTANT, PAIN, Net

Floats = NDArray[np.floating]


class Rollout:
    """What R nets saw and did in B episodes of T steps: the buffers of one forward pass and of the way back.

    They are allocated here once and reused at every outer step; nothing else in the core keeps arrays of this size.
    """

    def __init__(
        self, R: int, T: int, B: int, inputs: int, hidden: int, dtype: DTypeLike, make_cell: CellMaker
    ) -> None:
        K = self.inputs = inputs
        self.T = T
        self.cell = make_cell(R, T, B, hidden, dtype)
        gates = self.cell.gates
        self.S = np.zeros((R, T + 1, B, K + 1 + hidden), dtype)
        self.S[..., K + CONSTANT] = self.S[..., K] = 1
        self.x, self.h, self.h_with_bias = self.S[..., :K], self.S[:, 1:, :, K + 1 :], self.S[:, 1:, :, K:]
        self.z = np.empty((R, B, gates * hidden), dtype)
        # The way back works on one time step after another: time first, a step's numbers lie together.
        self.dz = np.empty((T, R, B, gates * hidden), dtype)
        self.dh_out = np.empty((T, R, B, hidden), dtype)  # derivative to h by way of the read-out alone
        self.dh, self.dc = np.empty((R, B, hidden), dtype), np.empty((R, B, hidden), dtype)
        # Views by time step, made once: indexing would cost as much as the arithmetic of a small block.
        self.seen_t, self.before_t, self.h_t, self.h_with_bias_t, self.action_t, self.pain_t = (
            list(view.swapaxes(0, 1))
            for view in (
                self.S[:, :-1],
                self.S[:, :-1, :, K + 1 :],
                self.h,
                self.h_with_bias,
                self.x[:, 1:, :, ACTION],
                self.x[:, 1:, :, PAIN],
            )
        )
        self.dz_t, self.dh_out_t = list(self.dz), list(self.dh_out)


def step(net: Net, rollout: Rollout, t: int) -> None:
    """One time step: from S[:, t] to h_t, by way of z."""
    np.matmul(rollout.seen_t[t], net.W, out=rollout.z)
    rollout.cell.forward(rollout.z, t, rollout.before_t[t], rollout.h_t[t])


def forward(net: Net, rollout: Rollout) -> Floats:
    """Run the nets over inputs that stand in rollout.x already; the outputs (R, T, B)."""
    for t in range(rollout.T):
        step(net, rollout, t)
    return sigmoid(np.vecdot(rollout.h_with_bias, net.V[:, None, None]))
