"""Adam (Kingma & Ba 2015), the optimiser of the page."""

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
    """Adam, Algorithm 1: bias-corrected moments, with epsilon added after the root (experiment: Adam).

    Each run counts its own updates, beginning with its first one after the warm-up.
    """

    def __init__(self, theta: Floats, lr: Sequence[float], knobs: Sequence[AdamKnobs]) -> None:
        super().__init__(theta, lr, knobs)
        decay1, decay2 = [run.beta1 for run in knobs], [run.beta2 for run in knobs]
        self.beta1, self.beta2 = column(decay1, theta), column(decay2, theta)
        self.eps = column([run.eps for run in knobs], theta)
        # Bias corrections need powers of numbers near 1, which are computed in float64 whatever the dtype of theta is.
        self.decay1, self.decay2 = np.array(decay1), np.array(decay2)
        self.share1, self.share2 = 1 - self.beta1, 1 - self.beta2
        self.steps = np.zeros(len(theta))
        self.m, self.v, self.buffer = np.zeros_like(theta), np.zeros_like(theta), np.empty_like(theta)

    def change(self, gradient: Floats, learns: NDArray[np.bool_] | None) -> Floats:
        """See Optimiser.change."""
        # The moments of a run that does not learn yet stay exactly 0, because its gradient is 0. Its count of updates
        # stays 0; the maximum keeps its correction finite, though the correction is not used.
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
