"""Nets with the cell that is checked, on inputs drawn run by run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipflop.core.nets.cells.base import Cell, cell_maker, sigmoid
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import ACTION, CONSTANT, initial_nets, mask
from flipflop.testing.configs import config_of
from flipflop.testing.subject import Subject

Floats = NDArray[np.floating]
RUNS = (0, 1, 2)
T, INPUTS, HIDDEN = 5, 6, 3


def class_of(subject: Subject) -> type[Cell]:
    """Return the class of the cell."""
    made: type[Cell] = subject.part.make
    return made


class Loop:
    """R nets in B episodes of T time steps, whose numbers are drawn from each run's own seed."""

    def __init__(
        self, subject: Subject, runs: Sequence[int], B: int, dtype: str = "float64", closed: bool = False
    ) -> None:
        """Draw weights and inputs; `closed`: the last input of a time step is the output of the one before."""
        settings: Any = config_of(subject).controller
        self.closed = closed
        generators = [np.random.default_rng([17, run]) for run in runs]
        self.net = initial_nets(generators, [settings] * len(runs), INPUTS, dtype)
        seen = mask(settings, INPUTS, dtype)
        self.mask = np.ones(self.net.theta.shape[1], dtype) if seen is None else seen
        shift = np.stack([own.normal(size=self.net.theta.shape[1]) for own in generators])
        self.net.theta[...] += (0.3 * shift * self.mask).astype(dtype)  # biases, too, are not 0
        self.inputs = np.stack([own.normal(size=(T, B, INPUTS)) for own in generators]).astype(dtype)
        self.inputs[..., CONSTANT] = 1
        self.rollout = Rollout(len(runs), T, B, INPUTS, HIDDEN, dtype, cell_maker(settings.cell))
        self.kept_states = True  # whether no time step has changed the state before it

    def outputs(self, nudge: tuple[int, int, Floats] | None = None) -> Floats:
        """Run the nets; the outputs (R, T, B).

        `nudge` is a time step, a gate, and what is added to the gate's part of z there, (R, B, H).
        """
        rollout, net = self.rollout, self.net
        rollout.x[:, :T] = self.inputs
        if self.closed:
            rollout.x[:, 0, :, ACTION] = 0.5
        outputs = np.empty(rollout.h.shape[:-1], rollout.h.dtype)
        for t in range(T):
            np.matmul(rollout.seen_t[t], net.W, out=rollout.z)
            if nudge is not None and nudge[0] == t:
                rollout.z[..., nudge[1] * HIDDEN : (nudge[1] + 1) * HIDDEN] += nudge[2]
            before = rollout.before_t[t].copy()
            rollout.cell.forward(rollout.z, t, rollout.before_t[t], rollout.h_t[t])
            self.kept_states &= before.tobytes() == rollout.before_t[t].tobytes()
            outputs[:, t] = sigmoid(np.vecdot(rollout.h_with_bias_t[t], net.V[:, None]))
            if self.closed:
                rollout.x[:, t + 1, :, ACTION] = outputs[:, t]
        return outputs
