"""The weights of nets in lock-step: how they are drawn, stored and stacked.

The shapes in the whole core use these letters:

    R runs   B episodes   T time steps   K inputs   H hidden units   G gates per unit   P weights
    S      (R, T+1, B, K+1+H)   S[:, t] = [x_t | 1 | h_{t-1}]: what enters z at time step t
    W      (R, K+1+H, G*H)      input weights, bias and recurrent weights as one matrix
    V      (R, 1+H)             read-out bias and weights
    theta  (R, P)               [W | V] flat: what an optimiser updates

A time step is z = S[:, t] W, h_t = cell(z), out_t = sigmoid([1 | h_t] V), with h_{-1} = 0 (experiment: Networks).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop.config.schema import Network
from flipflop.core.nets.cells.base import class_of

Floats = NDArray[np.floating]


# The inputs of a net are x = [events | 1 | pain of the time step before | action]. Indices are counted from the end,
# because worlds have different numbers of events. The action is y_{t-1} for C and y_t for M.
BESIDE_EVENTS = 3
EVENTS, CONSTANT, PAIN, ACTION = slice(0, -BESIDE_EVENTS), -3, -2, -1


class Weights(NamedTuple):
    """The weights of one net in the form in which they are drawn and stored, that of the published program."""

    input: Floats  # (G*H, K)
    recurrent: Floats  # (G*H, H)
    bias: Floats  # (G*H,)
    output: Floats  # (H,)
    output_bias: Floats  # ()


class ReadOut(NamedTuple):
    """The weights of the second read-out of an output unit."""

    output: Floats  # (H,)
    output_bias: Floats  # ()


def initial_weights(generator: np.random.Generator, settings: Network, inputs: int) -> Weights:
    """Draw the weights of a net: input, recurrent, output (experiment: Random numbers).

    A weight is standard normal times init_scale / sqrt(fan-in); biases are those of the cell. For every kind of
    settings.init the same numbers are drawn, so that the other weights are the same.

    Args:
        generator: of this net.
        settings: of this net.
        inputs: K.
    """
    cell = class_of(settings.cell)
    gates, hidden = cell.gates, settings.hidden

    def draw(rows: int, fan_in: int) -> Floats:
        drawn: Floats = generator.standard_normal((rows, fan_in)) * (settings.init_scale / np.sqrt(fan_in))
        return drawn

    from_inputs, from_hidden, to_output = draw(gates * hidden, inputs), draw(gates * hidden, hidden), draw(1, hidden)
    if settings.init == "orthogonal":
        from_hidden = np.concatenate([_orthogonal(block) for block in np.split(from_hidden, gates)])
    elif settings.init == "identity":
        from_hidden = np.eye(hidden)  # Le, Jaitly & Hinton 2015, with tanh
    bias = cell.initial_bias(settings.cell, hidden)
    if bias is None:
        bias = np.zeros(gates * hidden)
    net = Weights(from_inputs, from_hidden, bias, to_output[0], np.zeros(()))
    return Weights(*(weights * seen for weights, seen in zip(net, _seen(settings, inputs), strict=True)))


def initial_read_out(generator: np.random.Generator, settings: Network) -> ReadOut:
    """Draw the second read-out of a net with the generator that drew the net, on the same scale; its bias is 0."""
    fan_in = settings.hidden
    return ReadOut(generator.standard_normal(fan_in) * (settings.init_scale / np.sqrt(fan_in)), np.zeros(()))


def _orthogonal(drawn: Floats) -> Floats:
    """Return Q of the QR decomposition of a matrix (H, H), with signs such that R has a positive diagonal.

    For a matrix of normal numbers Q is uniform over all orthogonal matrices (Saxe, McClelland & Ganguli 2014). Zeros,
    drawn with init_scale=0, give the identity.
    """
    q, r = np.linalg.qr(np.where(drawn.any(), drawn, np.eye(len(drawn))))
    signed: Floats = q * np.where(np.diag(r) < 0, -1, 1)
    return signed


def _seen(settings: Network, inputs: int) -> Weights:
    """Return 1 for each weight that a net has, and 0 for weights of inputs or states that it does not see."""
    cell, hidden = class_of(settings.cell), settings.hidden
    seen = np.ones((cell.gates * hidden, inputs)) * np.repeat(cell.sees_inputs, hidden)[:, None]
    seen[:, PAIN] *= settings.sees_pain
    seen[:, ACTION] *= getattr(settings, "sees_action", True)  # M always sees the action
    state = np.ones((cell.gates * hidden, hidden)) * np.repeat(cell.sees_state, hidden)[:, None]
    return Weights(seen, state, np.ones(cell.gates * hidden), np.ones(hidden), np.ones(()))


def mask(settings: Network, inputs: int, dtype: DTypeLike) -> Floats | None:
    """Return the factors of the gradient that keep weights that a net does not have at 0, (P,); None if it has all."""
    seen = Net.stack([_seen(settings, inputs)], dtype).theta[0]
    return None if seen.all() else seen


class Net(NamedTuple):
    """R nets of one shape; W and V are views of theta."""

    theta: Floats
    W: Floats
    V: Floats

    @property
    def hidden(self) -> int:
        """The number of hidden units, H."""
        return int(self.V.shape[1]) - 1

    @property
    def inputs(self) -> int:
        """The number of inputs, K."""
        return int(self.W.shape[1]) - 1 - self.hidden

    @classmethod
    def of(cls, theta: Floats, inputs: int, hidden: int) -> "Net":
        """Return nets that are views of theta (R, P), which holds weights or a gradient."""
        rows = inputs + 1 + hidden
        columns = (theta.shape[1] - 1 - hidden) // rows
        return cls(theta, theta[:, : rows * columns].reshape(-1, rows, columns), theta[:, rows * columns :])

    @classmethod
    def stack(cls, weights: Sequence[Weights], dtype: DTypeLike) -> "Net":
        """Return R nets with these weights."""
        W = np.stack([np.concatenate([w.input, w.bias[:, None], w.recurrent], axis=1).T for w in weights])
        V = np.stack([np.concatenate([w.output_bias[None], w.output]) for w in weights])
        theta = np.concatenate([W.reshape(len(W), -1), V], axis=1).astype(dtype)
        return cls.of(theta, weights[0].input.shape[1], V.shape[1] - 1)

    def weights(self, run: int) -> Weights:
        """Return a copy of the weights of the net with index `run`."""
        W, V, K = self.W[run], self.V[run], self.inputs
        views = W[:K].T, W[K + 1 :].T, W[K], V[1:], V[0]
        return Weights(*(np.array(view) for view in views))

    def stacked(self, thetas: Floats) -> Weights:
        """Return the weights of nets of this shape from thetas (..., M*P), M nets one after another.

        Each array has the axes (..., M, ...), without the axis of M if M is 1, as it is without an ensemble.
        """
        P = self.theta.shape[1]
        shape = (*thetas.shape[:-1], thetas.shape[-1] // P)
        nets = self.like(thetas.reshape(-1, P))
        arrays = map(np.stack, zip(*(nets.weights(i) for i in range(len(nets.theta))), strict=True))
        shape = shape[:-1] if shape[-1] == 1 else shape
        return Weights(*(array.reshape((*shape, *array.shape[1:])) for array in arrays))

    def select(self, runs: NDArray[np.integer]) -> "Net":
        """Return copies of the nets with these indices."""
        return self.like(self.theta[runs])

    def like(self, theta: Floats) -> "Net":
        """Return nets of this shape that are views of theta (R', P)."""
        return Net.of(theta, self.inputs, self.hidden)


def initial_nets(
    generators: Sequence[np.random.Generator],
    settings: Sequence[Network],
    inputs: int,
    dtype: DTypeLike,
    members: int = 1,
) -> Net:
    """Draw the nets of R runs; those of an ensemble are drawn one after another and follow one another.

    Args:
        generators: one for each run.
        settings: one for each run.
        inputs: K.
        dtype: of theta.
        members: number of nets of each run.
    """
    pairs = list(zip(generators, settings, strict=True))
    return Net.stack(
        [initial_weights(generator, net, inputs) for generator, net in pairs for _ in range(members)], dtype
    )
