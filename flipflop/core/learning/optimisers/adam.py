"""Adam (Kingma & Ba 2015), the page's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flipflop import parts
from flipflop.config import schema
from flipflop.config.rules import VaryingAboveZero, VaryingBelowOne
from flipflop.core.learning.optimisers.base import Floats, Optimiser, column


@dataclass(kw_only=True)
class AdamKnobs(schema.Optimiser):
    """Knobs of Adam."""

    beta1: VaryingBelowOne
    beta2: VaryingBelowOne
    eps: VaryingAboveZero


@parts.optimiser("adam", AdamKnobs)
class Adam(Optimiser):
    """Algorithm 1: bias-corrected moments, epsilon outside the root.

    A run's step count starts at its own first update (experiment: Adam).
    """

    def __init__(self, theta: Floats, lr: Sequence[float], knobs: Sequence[AdamKnobs]) -> None:
        super().__init__(theta, lr, knobs)
        self.beta1, self.beta2 = (
            column([own.beta1 for own in knobs], theta),
            column([own.beta2 for own in knobs], theta),
        )
        self.eps = column([own.eps for own in knobs], theta)
        # Bias corrections are powers of the decay near 1: they are taken in double precision whatever theta's is.
        self.decay1, self.decay2 = (np.array([getattr(own, name) for own in knobs]) for name in ("beta1", "beta2"))
        self.share1, self.share2 = 1 - self.beta1, 1 - self.beta2
        self.steps = np.zeros(len(theta))
        self.m, self.v, self.buffer = np.zeros_like(theta), np.zeros_like(theta), np.empty_like(theta)

    def change(self, gradient: Floats, learns: NDArray[np.bool_] | None) -> Floats:
        """See Optimiser.change."""
        # A run that does not learn yet has no moments: with a gradient of 0 they stay exactly 0. Its step count stays
        # 0; the maximum only keeps its correction finite, which is not used.
        self.steps += True if learns is None else learns
        t = np.maximum(self.steps, 1)
        correction1 = (1 / (1 - self.decay1**t))[:, None].astype(gradient.dtype)
        correction2 = (1 / (1 - self.decay2**t))[:, None].astype(gradient.dtype)

        m, v, change = self.m, self.v, self.buffer
        m *= self.beta1
        np.multiply(gradient, self.share1, out=change)
        m += change
        v *= self.beta2
        gradient *= gradient
        gradient *= self.share2
        v += gradient
        np.multiply(v, correction2, out=change)
        np.sqrt(change, out=change)
        change += self.eps
        np.divide(m, change, out=change)
        change *= self.lr * correction1
        return change

    def state(self) -> dict[str, Floats]:
        """See Optimiser.state."""
        return {"steps": self.steps, "m": self.m, "v": self.v}
