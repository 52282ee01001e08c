"""The weights of nets in lock-step: how they are drawn, stored and stacked.

One alphabet of shapes, for the whole core:

    R runs   B episodes   T time steps   K inputs   H hidden units   G gates per unit   P weights
    S      (R, T+1, B, K+1+H)   S[:, t] = [x_t | 1 | h_{t-1}]: all that a net sees at step t
    W      (R, K+1+H, G*H)      input weights, bias and recurrent weights as one matrix
    V      (R, 1+H)             read-out bias and weights
    theta  (R, P)               [W | V] flat: what an optimiser updates

A step is z = S[:, t] W, h_t = cell(z), out_t = sigmoid([1 | h_t] V), with h_{-1} = 0 (experiment: Networks).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop.config.schema import Network
from flipflop.core.nets.cells.base import class_of

Floats = NDArray[np.floating]


# What a net sees at a time step, x = [events | 1 | pain of the step before | action]: places counted from the end, so
# that a world may have any number of events. C's action is its own last one, M's the current one.
BESIDE_EVENTS = 3
EVENTS, CONSTANT, PAIN, ACTION = slice(0, -BESIDE_EVENTS), -3, -2, -1


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


def initial_weights(generator: np.random.Generator, settings: Network, inputs: int) -> Weights:
    """Draw a net in the published order: input, recurrent, output; standard normal times init_scale / sqrt(fan-in).

    Other kinds of recurrent weights are made from the same draw, or in its place, so that all others stay as they are.
    """
    cell = class_of(settings.cell)
    gates, hidden = cell.gates, settings.hidden

    def draw(rows: int, fan_in: int) -> Floats:
        drawn: Floats = generator.standard_normal((rows, fan_in)) * (settings.init_scale / np.sqrt(fan_in))
        return drawn

    from_input, from_hidden, to_output = draw(gates * hidden, inputs), draw(gates * hidden, hidden), draw(1, hidden)
    if settings.init == "orthogonal":
        from_hidden = np.concatenate([_orthogonal(block) for block in np.split(from_hidden, gates)])
    elif settings.init == "identity":
        from_hidden = np.eye(hidden)  # Le, Jaitly & Hinton 2015, with tanh
    bias = cell.initial_bias(settings.cell, hidden)
    if bias is None:
        bias = np.zeros(gates * hidden)
    net = Weights(from_input, from_hidden, bias, to_output[0], np.zeros(()))
    return Weights(*(weights * seen for weights, seen in zip(net, _seen(settings, inputs), strict=True)))


def initial_read_out(generator: np.random.Generator, settings: Network) -> ReadOut:
    """Draw a further read-out, after the net's own weights and on their scale; its bias is 0."""
    fan_in = settings.hidden
    return ReadOut(generator.standard_normal(fan_in) * (settings.init_scale / np.sqrt(fan_in)), np.zeros(()))


def _orthogonal(drawn: Floats) -> Floats:
    """The orthogonal matrix next to a drawn one, uniform over all (Saxe, McClelland & Ganguli 2014)."""
    q, r = np.linalg.qr(np.where(drawn.any(), drawn, np.eye(len(drawn))))
    signed: Floats = q * np.where(np.diag(r) < 0, -1, 1)
    return signed


def _seen(settings: Network, inputs: int) -> Weights:
    """1 for a weight that a net has, 0 for one from an input that it does not see or from a state that it lacks."""
    cell, hidden = class_of(settings.cell), settings.hidden
    seen = np.ones((cell.gates * hidden, inputs)) * np.repeat(cell.sees_inputs, hidden)[:, None]
    seen[:, PAIN] *= settings.sees_pain
    seen[:, ACTION] *= getattr(settings, "sees_action", True)  # M always does: it is what it is asked about
    state = np.ones((cell.gates * hidden, hidden)) * np.repeat(cell.sees_state, hidden)[:, None]
    return Weights(seen, state, np.ones(cell.gates * hidden), np.ones(hidden), np.ones(()))


def mask(settings: Network, inputs: int, dtype: DTypeLike) -> Floats | None:
    """What a gradient is multiplied by so that weights that a net does not have stay 0, (P,); None if it has all."""
    seen = Net.stack([_seen(settings, inputs)], dtype).theta[0]
    return None if seen.all() else seen


class Net(NamedTuple):
    """R nets of one shape: theta, of which W and V are views."""

    theta: Floats
    W: Floats
    V: Floats

    @property
    def hidden(self) -> int:
        """H."""
        return int(self.V.shape[1]) - 1

    @property
    def inputs(self) -> int:
        """K."""
        return int(self.W.shape[1]) - 1 - self.hidden

    @classmethod
    def of(cls, theta: Floats, inputs: int, hidden: int) -> "Net":
        """View (R, P) numbers, weights or their gradient, as nets."""
        rows = inputs + 1 + hidden
        columns = (theta.shape[1] - 1 - hidden) // rows
        return cls(theta, theta[:, : rows * columns].reshape(-1, rows, columns), theta[:, rows * columns :])

    @classmethod
    def stack(cls, weights: Sequence[Weights], dtype: DTypeLike) -> "Net":
        """Put R nets' weights side by side."""
        W = np.stack([np.concatenate([w.input, w.bias[:, None], w.recurrent], axis=1).T for w in weights])
        V = np.stack([np.concatenate([w.output_bias[None], w.output]) for w in weights])
        theta = np.concatenate([W.reshape(len(W), -1), V], axis=1).astype(dtype)
        return cls.of(theta, weights[0].input.shape[1], V.shape[1] - 1)

    def weights(self, run: int) -> Weights:
        """A copy of one run's weights, as published."""
        W, V, K = self.W[run], self.V[run], self.inputs
        split = W[:K].T, W[K + 1 :].T, W[K], V[1:], V[0]
        return Weights(*(np.array(part) for part in split))

    def stacked(self, thetas: Floats) -> Weights:
        """Weights as published of nets of this shape, from (..., K*P) numbers: each array is (..., K, ...).

        Without the axis K where there is one net, as in all but ensembles.
        """
        P = self.theta.shape[1]
        shape = (*thetas.shape[:-1], thetas.shape[-1] // P)
        nets = self.like(thetas.reshape(-1, P))
        parts = map(np.stack, zip(*(nets.weights(i) for i in range(len(nets.theta))), strict=True))
        shape = shape[:-1] if shape[-1] == 1 else shape
        return Weights(*(part.reshape((*shape, *part.shape[1:])) for part in parts))

    def select(self, runs: NDArray[np.integer]) -> "Net":
        """Copies of some runs' nets."""
        return self.like(self.theta[runs])

    def like(self, theta: Floats) -> "Net":
        """View (R', P) numbers as nets of this shape."""
        return Net.of(theta, self.inputs, self.hidden)


def initial_nets(
    generators: Sequence[np.random.Generator],
    settings: Sequence[Network],
    inputs: int,
    dtype: DTypeLike,
    members: int = 1,
) -> Net:
    """R nets with K inputs as their generators draw them; of an ensemble so many for each, run after run."""
    pairs = list(zip(generators, settings, strict=True))
    return Net.stack([initial_weights(own, net, inputs) for own, net in pairs for _ in range(members)], dtype)
