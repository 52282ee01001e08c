"""The forward pass of recurrent nets in lock-step. Shapes are those of weights.py.

The numbers of a run are bitwise the same in any block: R is a batch axis of all operations. Products are stacked
matmuls or vecdots with one product per run, and a mean is over contiguous numbers of one run (reductions.py). A sum
over several leading axes would round differently with another number of runs.
"""

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop.core.nets.cells.base import CellMaker, sigmoid
from flipflop.core.nets.weights import ACTION, CONSTANT, PAIN, Net

Floats = NDArray[np.floating]


class Rollout:
    """The buffers of R nets in B episodes of T time steps, for the forward and the backward pass.

    They are allocated once and reused at every outer step.
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
        # The backward pass goes through the time steps one by one, so time is the first axis of its arrays.
        self.dz = np.empty((T, R, B, gates * hidden), dtype)
        self.dh_out = np.empty((T, R, B, hidden), dtype)  # the derivative to h through the read-out
        self.dh, self.dc = np.empty((R, B, hidden), dtype), np.empty((R, B, hidden), dtype)
        # Views of each time step are made once: indexing takes as long as the arithmetic of a small block.
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
    """Do time step t of R nets: compute z from S[:, t] and write h_t."""
    np.matmul(rollout.seen_t[t], net.W, out=rollout.z)
    rollout.cell.forward(rollout.z, t, rollout.before_t[t], rollout.h_t[t])


def forward(net: Net, rollout: Rollout) -> Floats:
    """Run R nets on the inputs in rollout.x; return their outputs (R, T, B)."""
    for t in range(rollout.T):
        step(net, rollout, t)
    return sigmoid(np.vecdot(rollout.h_with_bias, net.V[:, None, None]))
