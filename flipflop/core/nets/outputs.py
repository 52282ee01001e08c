"""C's output unit: how an action comes about from the read-out, and how a derivative finds its way back through it.

The mean action is the sigmoid of the read-out o; a unit adds chance to it, so that M meets more than the actions that C
is sure of. Tests are of the mean. Noise is drawn beforehand (chance.py): standard normal, or uniform in [0, 1).
"""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from flipflop.core.nets.cells.base import sigmoid

Floats = NDArray[np.floating]
Noise = Literal["normal", "uniform"] | None


class OutputUnit(Protocol):
    """What acting and learning ask of an output unit; all arrays have one shape, (R, B) or (R, T, B).

    One with several read-outs takes o (R, read_outs), noise and actions (R, 1), and has a slope for each read-out; only
    nets on a stream have them (rtrl.py).
    """

    draws: Noise  # the noise of one action
    read_outs: int

    def act(self, o: Floats, noise: Floats, scale: float, out: Floats) -> None:
        """Write the actions."""

    def slope(self, o: Floats, noise: Floats, scale: float, y: Floats) -> Floats:
        """The derivative of the actions y to o, with the noise as it was."""


class Deterministic:
    """y = sigmoid(o) (the page's)."""

    draws: Noise = None
    read_outs = 1

    def act(self, o: Floats, noise: Floats, scale: float, out: Floats) -> None:
        """See OutputUnit.act."""
        sigmoid(o, out=out)

    def slope(self, o: Floats, noise: Floats, scale: float, y: Floats) -> Floats:
        """See OutputUnit.slope."""
        return y * (1 - y)


class LogitNoise(Deterministic):
    """y = sigmoid(o + scale z)."""

    draws: Noise = "normal"

    def act(self, o: Floats, noise: Floats, scale: float, out: Floats) -> None:
        """See OutputUnit.act."""
        np.multiply(noise, scale, out=out)
        out += o
        sigmoid(out, out=out)


class Gaussian(Deterministic):
    """y = sigmoid(o) + scale z, clipped to 0..1; the derivative passes straight through the clip."""

    draws: Noise = "normal"

    def act(self, o: Floats, noise: Floats, scale: float, out: Floats) -> None:
        """See OutputUnit.act."""
        sigmoid(o, out=out)
        out += noise * out.dtype.type(scale)
        np.clip(out, 0, 1, out=out)

    def slope(self, o: Floats, noise: Floats, scale: float, y: Floats) -> Floats:
        """See OutputUnit.slope."""
        mean = sigmoid(o)
        return mean * (1 - mean)


class Bernoulli(Gaussian):
    """y is 1 with probability sigmoid(o), else 0; the derivative is the mean's (straight through, Bengio 2013)."""

    draws: Noise = "uniform"

    def act(self, o: Floats, noise: Floats, scale: float, out: Floats) -> None:
        """See OutputUnit.act."""
        sigmoid(o, out=out)
        out[...] = noise < out


class MeanSigma:
    """y = mu + sigma z, clipped to 0..1, with mu = sigmoid(o) and sigma = scale sigmoid(o2) learned (Williams 1988).

    The derivative passes straight through the clip.
    """

    draws: Noise = "normal"
    read_outs = 2

    def act(self, o: Floats, noise: Floats, scale: float, out: Floats) -> None:
        """See OutputUnit.act."""
        s = sigmoid(o)
        np.multiply(s[:, 1:], noise, out=out)
        out *= scale
        out += s[:, :1]
        np.clip(out, 0, 1, out=out)

    def slope(self, o: Floats, noise: Floats, scale: float, y: Floats) -> Floats:
        """See OutputUnit.slope."""
        s = sigmoid(o)
        slopes: Floats = s * (1 - s)
        slopes[:, 1:] *= noise * scale
        return slopes


OUTPUTS: dict[str, OutputUnit] = {
    "deterministic": Deterministic(),
    "gaussian": Gaussian(),
    "logit_noise": LogitNoise(),
    "bernoulli": Bernoulli(),
    "mean_sigma": MeanSigma(),
}
