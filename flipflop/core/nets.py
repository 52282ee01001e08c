"""Recurrent nets in lock-step: forward, back-propagation through time, and the way back to an input.

One alphabet of shapes, for the whole core:

    R runs   B episodes   T time steps   K inputs   H hidden units   G gates per unit   P weights
    S      (R, T+1, B, K+1+H)   S[:, t] = [x_t | 1 | h_{t-1}]: all that a net sees at step t
    W      (R, K+1+H, G*H)      input weights, bias and recurrent weights as one matrix
    V      (R, 1+H)             read-out bias and weights
    theta  (R, P)               [W | V] flat: what an optimiser updates

A step is z = S[:, t] W, h_t = cell(z), out_t = sigmoid([1 | h_t] V), with h_{-1} = 0 (experiment: Networks).

Runs never mix: R is only ever a batch axis. A run's numbers are bitwise the same in any block because every product is
a stacked matmul over runs or an einsum that keeps the hidden axis, and every mean is taken over one run's own
contiguous numbers (`mean_per_run`). A sum over leading axes would depend on how many runs stand beside it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop.config import Network
from flipflop.core.cells import Cell, Elman, Kind, kind_of, sigmoid

Floats = NDArray[np.floating]

# What a net sees at a time step; the controller's action is its own last one, the world model's the current one.
INPUTS = 6
EVENTS, CONSTANT, PAIN, ACTION = slice(0, 3), 3, 4, 5

FORGET_BIAS = 1.0  # the LSTM's own: it begins by remembering (Gers, Schmidhuber & Cummins 2000)


def mean_per_run(a: NDArray[np.generic]) -> Floats:
    """The mean of each run's numbers, (R, ...) -> (R,), with the same bits in any block."""
    flat = np.ascontiguousarray(a).reshape(len(a), -1)
    mean: Floats = np.add.reduce(flat, axis=1) / flat.shape[1]
    return mean


class Weights(NamedTuple):
    """One net's weights as published, to be stored and drawn."""

    input: Floats  # (G*H, K)
    recurrent: Floats  # (G*H, H)
    bias: Floats  # (G*H,)
    output: Floats  # (H,)
    output_bias: Floats  # ()


class ReadOut(NamedTuple):
    """A further read-out's weights."""

    output: Floats  # (H,)
    output_bias: Floats  # ()


def initial_weights(generator: np.random.Generator, settings: Network) -> Weights:
    """Draw a net in the published order: input, recurrent, output; standard normal times init_scale / sqrt(fan-in).

    Other kinds of recurrent weights are made from the same draw, or in its place, so that all others stay as they are.
    """
    gates, hidden = kind_of(settings.cell, settings.activation).gates, settings.hidden

    def draw(rows: int, fan_in: int) -> Floats:
        drawn: Floats = generator.standard_normal((rows, fan_in)) * (settings.init_scale / np.sqrt(fan_in))
        return drawn

    from_input, from_hidden, to_output = draw(gates * hidden, INPUTS), draw(gates * hidden, hidden), draw(1, hidden)
    bias = np.zeros(gates * hidden)
    if settings.init == "orthogonal":
        from_hidden = np.concatenate([_orthogonal(block) for block in np.split(from_hidden, gates)])
    elif settings.init == "identity":
        from_hidden = np.eye(hidden)  # Le, Jaitly & Hinton 2015, with tanh
    if settings.cell == "lstm":
        bias[hidden : 2 * hidden] = FORGET_BIAS if settings.forget_bias is None else settings.forget_bias
    net = Weights(from_input, from_hidden, bias, to_output[0], np.zeros(()))
    return Weights(*(weights * seen for weights, seen in zip(net, _seen(settings), strict=True)))


def initial_read_out(generator: np.random.Generator, settings: Network) -> ReadOut:
    """Draw a further read-out, after the net's own weights and on their scale; its bias is 0."""
    fan_in = settings.hidden
    return ReadOut(generator.standard_normal(fan_in) * (settings.init_scale / np.sqrt(fan_in)), np.zeros(()))


def _orthogonal(drawn: Floats) -> Floats:
    """The orthogonal matrix next to a drawn one, uniform over all (Saxe, McClelland & Ganguli 2014)."""
    q, r = np.linalg.qr(np.where(drawn.any(), drawn, np.eye(len(drawn))))
    signed: Floats = q * np.where(np.diag(r) < 0, -1, 1)
    return signed


def _seen(settings: Network) -> Weights:
    """1 for a weight that a net has, 0 for one from an input that it does not see or from a memory that it lacks."""
    gates, hidden = kind_of(settings.cell, settings.activation).gates, settings.hidden
    inputs = np.ones((gates * hidden, INPUTS))
    inputs[:, PAIN] = settings.sees_pain
    inputs[:, ACTION] = getattr(settings, "sees_action", True)  # M always does: it is what it is asked about
    memory = np.full((gates * hidden, hidden), float(settings.cell != "feedforward"))
    return Weights(inputs, memory, np.ones(gates * hidden), np.ones(hidden), np.ones(()))


def mask(settings: Network, dtype: DTypeLike) -> Floats | None:
    """What a gradient is multiplied by so that weights that a net does not have stay 0, (P,); None if it has all."""
    seen = Net.stack([_seen(settings)], dtype).theta[0]
    return None if seen.all() else seen


class Net(NamedTuple):
    """R nets of one shape: theta, of which W and V are views."""

    theta: Floats
    W: Floats
    V: Floats

    @classmethod
    def of(cls, theta: Floats, hidden: int) -> "Net":
        """View (R, P) numbers, weights or their gradient, as nets."""
        rows = INPUTS + 1 + hidden
        columns = (theta.shape[1] - 1 - hidden) // rows
        return cls(theta, theta[:, : rows * columns].reshape(-1, rows, columns), theta[:, rows * columns :])

    @classmethod
    def stack(cls, weights: Sequence[Weights], dtype: DTypeLike) -> "Net":
        """Put R nets' weights side by side."""
        W = np.stack([np.concatenate([w.input, w.bias[:, None], w.recurrent], axis=1).T for w in weights])
        V = np.stack([np.concatenate([w.output_bias[None], w.output]) for w in weights])
        theta = np.concatenate([W.reshape(len(W), -1), V], axis=1).astype(dtype)
        return cls.of(theta, hidden=V.shape[1] - 1)

    def weights(self, run: int) -> Weights:
        """A copy of one run's weights, as published."""
        W, V = self.W[run], self.V[run]
        split = W[:INPUTS].T, W[INPUTS + 1 :].T, W[INPUTS], V[1:], V[0]
        return Weights(*(np.array(part) for part in split))

    def stacked(self, thetas: Floats) -> Weights:
        """Weights as published of nets of this shape, from (..., K*P) numbers: each array is (..., K, ...).

        Without the axis K where there is one net, as in all but ensembles.
        """
        P = self.theta.shape[1]
        shape = (*thetas.shape[:-1], thetas.shape[-1] // P)
        nets = Net.of(thetas.reshape(-1, P), hidden=self.V.shape[1] - 1)
        parts = map(np.stack, zip(*(nets.weights(i) for i in range(len(nets.theta))), strict=True))
        shape = shape[:-1] if shape[-1] == 1 else shape
        return Weights(*(part.reshape((*shape, *part.shape[1:])) for part in parts))

    def select(self, runs: NDArray[np.integer]) -> "Net":
        """Copies of some runs' nets."""
        return Net.of(self.theta[runs], hidden=self.V.shape[1] - 1)


def initial_nets(
    generators: Sequence[np.random.Generator], settings: Sequence[Network], dtype: DTypeLike, members: int = 1
) -> Net:
    """R nets as their generators draw them; of an ensemble so many for each, run after run."""
    pairs = list(zip(generators, settings, strict=True))
    return Net.stack([initial_weights(own, net) for own, net in pairs for _ in range(members)], dtype)


class Rollout:
    """What R nets saw and did in B episodes of T steps: the buffers of one forward pass and of the way back.

    They are allocated here once and reused at every outer step; nothing else in the core keeps arrays of this size.
    """

    def __init__(self, R: int, T: int, B: int, hidden: int, dtype: DTypeLike, kind: Kind = Elman) -> None:
        K = INPUTS
        self.T = T
        self.cell: Cell = kind(R, T, B, hidden, dtype)
        gates = self.cell.gates
        self.S = np.zeros((R, T + 1, B, K + 1 + hidden), dtype)
        self.S[..., CONSTANT] = self.S[..., K] = 1
        self.x, self.h, self.one_h = self.S[..., :K], self.S[:, 1:, :, K + 1 :], self.S[:, 1:, :, K:]
        self.z = np.empty((R, B, gates * hidden), dtype)
        # The way back works on one time step after another: time first, a step's numbers lie together.
        self.dz = np.empty((T, R, B, gates * hidden), dtype)
        self.dh_out = np.empty((T, R, B, hidden), dtype)  # derivative to h by way of the read-out alone
        self.dh, self.dc = np.empty((R, B, hidden), dtype), np.empty((R, B, hidden), dtype)
        # Views by time step, made once: indexing would cost as much as the arithmetic of a small block.
        self.seen_t, self.h_t, self.one_h_t, self.action_t, self.pain_t = (
            list(view.swapaxes(0, 1))
            for view in (
                self.S[:, :-1],
                self.h,
                self.one_h,
                self.x[:, 1:, :, ACTION],
                self.x[:, 1:, :, PAIN],
            )
        )
        self.dz_t, self.dh_out_t = list(self.dz), list(self.dh_out)


def step(net: Net, rollout: Rollout, t: int, seen: Floats, h: Floats) -> None:
    """One time step: from S[:, t] to h_t, by way of z."""
    np.matmul(seen, net.W, out=rollout.z)
    rollout.cell.forward(rollout.z, t, h)


def forward(net: Net, rollout: Rollout) -> Floats:
    """Run the nets over inputs that stand in rollout.x already; the outputs (R, T, B)."""
    for t, (seen, h) in enumerate(zip(rollout.seen_t, rollout.h_t, strict=True)):
        step(net, rollout, t, seen, h)
    return sigmoid(np.vecdot(rollout.one_h, net.V[:, None, None]))


def backward(net: Net, rollout: Rollout, dout: Floats, feedback: Floats | None = None) -> None:
    """Back-propagate through time; leaves the derivatives to every z in rollout.dz.

    dout (R, T, B) is the derivative to the output before its sigmoid. With `feedback` (R, T, B), the slope of the
    sigmoid, the last input of a step is the output of the step before, and dout is overwritten with its total.
    """
    cell, dh, dc, dz, dh_out = rollout.cell, rollout.dh, rollout.dc, rollout.dz_t, rollout.dh_out_t
    dh[...] = dc[...] = 0
    to_h, to_last = np.ascontiguousarray(net.W[:, INPUTS + 1 :].mT), net.W[:, None, INPUTS - 1]
    read_out = net.V[:, None, 1:]
    slopes = list(zip(*cell.slopes(rollout.h.swapaxes(0, 1)), strict=True))
    dout_t = list(dout.swapaxes(0, 1)[..., None])
    if feedback is None:
        np.multiply(dout.swapaxes(0, 1)[..., None], read_out, out=rollout.dh_out)
    else:
        feedback_t = list(feedback.swapaxes(0, 1))
    last = rollout.T - 1
    for t in range(last, -1, -1):
        if feedback is not None:
            if t < last:
                dlast = np.vecdot(dz[t + 1], to_last)
                dlast *= feedback_t[t]
                dout_t[t] += dlast[..., None]
            np.multiply(dout_t[t], read_out, out=dh_out[t])
        dh += dh_out[t]
        cell.backward(dh, dc, slopes[t], out=dz[t])
        np.matmul(dz[t], to_h, out=dh)


def backward_within_step(net: Net, rollout: Rollout, dout: Floats) -> None:
    """As `backward`, but cut at every h_{t-1}: no recurrence, so no loop over time."""
    np.multiply(dout.swapaxes(0, 1)[..., None], net.V[:, None, 1:], out=rollout.dh_out)
    slopes = rollout.cell.slopes(rollout.h.swapaxes(0, 1))
    rollout.cell.backward(rollout.dh_out, np.zeros_like(rollout.dh_out), slopes, out=rollout.dz)


def to_last_input(net: Net, rollout: Rollout) -> Floats:
    """The derivative to the last input of every step, (R, T, B), from rollout.dz."""
    dlast: Floats = np.vecdot(rollout.dz, net.W[:, None, INPUTS - 1])
    return dlast.swapaxes(0, 1)


def gradient(rollout: Rollout, dout: Floats, out: Net) -> None:
    """Write the derivative to theta, averaged over episodes, into `out`: from rollout.dz and dout (R, T, B)."""
    R, T, B = dout.shape
    seen = rollout.S[:, :T].reshape(R, T * B, -1)
    np.matmul(seen.mT, rollout.dz.swapaxes(0, 1).reshape(R, T * B, -1), out=out.W)
    one_h = rollout.S[:, 1:].reshape(R, T * B, -1)[..., INPUTS:]
    np.matmul(dout.reshape(R, 1, T * B), one_h, out=out.V[:, None])
    if B > 1:
        np.divide(out.theta, B, out=out.theta)
