"""Gradient descent for R nets at once: clipping, SGD and Adam, with every run's own rates.

An optimiser is made for the theta (R, P) it updates in place and holds its state; hyperparameters are (R, 1) columns.
A run that has not begun to learn (its warm-up) keeps its weights, its state and its step count to the last bit; one
that has stopped (a world model that is frozen) its weights.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Optimiser as Settings

Floats = NDArray[np.floating]


class Optimiser(Protocol):
    """What training asks of an optimiser."""

    def update(self, gradient: Floats, learns: NDArray[np.bool_] | None) -> None:
        """Descend, overwriting theta and the gradient (R, P).

        Runs where `learns` (R,) is False stay as they are; None means that all learn.
        """

    def state(self) -> dict[str, Floats]:
        """What updates have left beside theta, by name, a row per run: the arrays themselves, not copies."""


def column(values: Sequence[float | None], theta: Floats) -> Floats:
    """One number per run as (R, 1), in theta's precision so that no product is widened."""
    return np.array(values, float)[:, None].astype(theta.dtype)


class Clip:
    """Scale a run's gradient to a global L2 norm of at most `clip_norm` (Pascanu et al. 2013; null: never)."""

    def __init__(self, theta: Floats, settings: Sequence[Settings]) -> None:
        self.limit = column([np.inf if s.clip_norm is None else s.clip_norm for s in settings], theta)
        self.never = np.array([[s.clip_norm is None] for s in settings])
        self.is_off = bool(self.never.all())  # saves the norm where every step counts (online.py)

    def __call__(self, gradient: Floats) -> None:
        """Clip (R, P) in place; 1e-12 as in the published program."""
        if self.is_off:
            return
        norm = np.sqrt(np.vecdot(gradient, gradient))[:, None]
        gradient *= np.where(self.never | (norm <= self.limit), 1, self.limit / (norm + gradient.dtype.type(1e-12)))


class SGD:
    """theta -= lr * gradient."""

    def __init__(self, theta: Floats, lr: Sequence[float], settings: Sequence[Settings]) -> None:
        self.theta, self.lr, self.clip = theta, column(lr, theta), Clip(theta, settings)

    def update(self, gradient: Floats, learns: NDArray[np.bool_] | None) -> None:
        """See Optimiser.update."""
        self.clip(gradient)
        gradient *= self.lr
        if learns is not None:
            gradient[~learns] = 0
        self.theta -= gradient

    def state(self) -> dict[str, Floats]:
        """See Optimiser.state."""
        return {}


class Adam:
    """Kingma & Ba 2015, Algorithm 1: bias-corrected moments, epsilon outside the root.

    A run's step count starts at its own first update (experiment: Adam).
    """

    def __init__(self, theta: Floats, lr: Sequence[float], settings: Sequence[Settings]) -> None:
        self.theta, self.lr, self.clip = theta, column(lr, theta), Clip(theta, settings)
        self.beta1, self.beta2, self.eps = (
            column([getattr(s, name) for s in settings], theta) for name in ("beta1", "beta2", "eps")
        )
        # Bias corrections are powers of the decay near 1: they are taken in double precision whatever theta's is.
        self.decay1, self.decay2 = (np.array([getattr(s, name) for s in settings]) for name in ("beta1", "beta2"))
        self.share1, self.share2 = 1 - self.beta1, 1 - self.beta2
        self.steps = np.zeros(len(theta))
        self.m, self.v, self.change = np.zeros_like(theta), np.zeros_like(theta), np.empty_like(theta)

    def update(self, gradient: Floats, learns: NDArray[np.bool_] | None) -> None:
        """See Optimiser.update."""
        self.clip(gradient)
        # A run that does not learn yet has no moments: with a gradient of 0 they stay exactly 0. Its step count stays
        # 0; the maximum only keeps its correction finite, which is not used.
        if learns is not None:
            gradient[~learns] = 0
        self.steps += True if learns is None else learns
        t = np.maximum(self.steps, 1)
        correction1 = (1 / (1 - self.decay1**t))[:, None].astype(gradient.dtype)
        correction2 = (1 / (1 - self.decay2**t))[:, None].astype(gradient.dtype)

        m, v, change = self.m, self.v, self.change
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
        if learns is not None:
            change[~learns] = 0  # it is already, unless epsilon rounds to 0 in single precision and made it 0/0
        self.theta -= change

    def state(self) -> dict[str, Floats]:
        """See Optimiser.state."""
        return {"steps": self.steps, "m": self.m, "v": self.v}


OPTIMISERS: dict[str, type[SGD] | type[Adam]] = {"adam": Adam, "sgd": SGD}
