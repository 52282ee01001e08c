"""RMSprop (Tieleman & Hinton 2012, Lecture 6.5): gradients divided by their running root mean square."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flipflop import parts
from flipflop.config import schema
from flipflop.config.rules import VaryingAboveZero, VaryingBelowOne
from flipflop.core.learning.optimisers.base import Floats, Optimiser, column


@dataclass(kw_only=True)
class RMSpropKnobs(schema.Optimiser):
    """Knobs of RMSprop."""

    decay: VaryingBelowOne
    eps: VaryingAboveZero


@parts.optimiser("rmsprop", RMSpropKnobs)
class RMSprop(Optimiser):
    """v = decay v + (1 - decay) g^2, theta -= lr g / (sqrt(v) + eps), v_0 = 0."""

    def __init__(self, theta: Floats, lr: Sequence[float], knobs: Sequence[RMSpropKnobs]) -> None:
        super().__init__(theta, lr, knobs)
        self.decay, self.eps = (column([getattr(net, name) for net in knobs], theta) for name in ("decay", "eps"))
        self.v = np.zeros_like(theta)

    def change(self, gradient: Floats, learns: NDArray[np.bool_] | None) -> Floats:
        """See Optimiser.change."""
        self.v *= np.where(True if learns is None else learns[:, None], self.decay, 1)
        self.v += (1 - self.decay) * np.square(gradient)
        gradient *= self.lr
        gradient /= np.sqrt(self.v) + self.eps
        return gradient

    def state(self) -> dict[str, Floats]:
        """See Optimiser.state."""
        return {"v": self.v}
