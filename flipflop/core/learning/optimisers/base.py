"""Gradient descent for R nets at once, with the rates of each run; clipping by the global norm.

An optimiser is made for the theta (R, P) that it updates in place and holds its state; hyperparameters are (R, 1)
columns. A run that does not learn at an update keeps its weights to the last bit; one that has not learned yet (its
warm-up) keeps its state and its step count too.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipflop import parts
from flipflop.config.schema import Optimiser as Knobs

Floats = NDArray[np.floating]


class Optimiser(ABC):
    """What training asks of an optimiser."""

    def __init__(self, theta: Floats, lr: Sequence[float], knobs: Sequence[Any]) -> None:
        """Make the optimiser of theta (R, P), with a rate and the knobs of each run."""
        self.theta, self.lr, self.clip = theta, column(lr, theta), Clip(theta, knobs)

    def update(self, gradient: Floats, learns: NDArray[np.bool_] | None) -> None:
        """Descend, overwriting theta and the gradient (R, P), which is clipped first.

        Runs where `learns` (R,) is False stay as they are; None means that all learn.
        """
        self.clip(gradient)
        if learns is not None:
            gradient[~learns] = 0
        change = self.change(gradient, learns)
        if learns is not None:
            change[~learns] = 0  # momentum of a run that has stopped, or 0/0 where an epsilon rounds to 0
        self.theta -= change

    @abstractmethod
    def change(self, gradient: Floats, learns: NDArray[np.bool_] | None) -> Floats:
        """Return what theta is lessened by, (R, P); the gradient is 0 where a run does not learn. May overwrite it."""

    def state(self) -> dict[str, Floats]:
        """Return what updates have left beside theta, by name, a row per run: the arrays themselves, not copies."""
        return {}


def column(values: Sequence[float | None], theta: Floats) -> Floats:
    """Return one number per run as (R, 1), in theta's precision so that no product is widened."""
    return np.array(values, float)[:, None].astype(theta.dtype)


class Clip:
    """Scale a run's gradient to a global L2 norm of at most `clip_norm` (Pascanu et al. 2013; null: never)."""

    def __init__(self, theta: Floats, knobs: Sequence[Knobs]) -> None:
        self.limit = column([np.inf if own.clip_norm is None else own.clip_norm for own in knobs], theta)
        self.never = np.array([[own.clip_norm is None] for own in knobs])
        self.is_off = bool(self.never.all())  # saves the norm where every step counts (rtrl_1990.py)

    def __call__(self, gradient: Floats) -> None:
        """Clip (R, P) in place; 1e-12 as in the published program."""
        if self.is_off:
            return
        norm = np.sqrt(np.vecdot(gradient, gradient))[:, None]
        gradient *= np.where(self.never | (norm <= self.limit), 1, self.limit / (norm + gradient.dtype.type(1e-12)))


def make_optimiser(theta: Floats, lr: Sequence[float], knobs: Sequence[Knobs]) -> Optimiser:
    """Make the optimiser that some knobs are of."""
    made: Optimiser = parts.get("optimiser", knobs[0].name).make(theta, lr, knobs)
    return made
