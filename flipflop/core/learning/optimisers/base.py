"""Optimisers: gradient descent for R nets at once, with knobs per run, and clipping by the global norm.

An optimiser updates theta (R, P) in place and holds its state; its knobs are (R, 1) columns. A run that does not
learn at an update keeps exactly its weights. In its warm-up it also keeps exactly its initial state.
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
    """An optimiser of R nets; a subclass defines `change` and, if it has state, `state`."""

    def __init__(self, theta: Floats, lr: Sequence[float], knobs: Sequence[Any]) -> None:
        """Make an optimiser.

        Args:
            theta: (R, P), the weights, which `update` changes in place.
            lr: the learning rate of each net.
            knobs: the knobs of each net.
        """
        self.theta, self.lr, self.clip = theta, column(lr, theta), Clip(theta, knobs)

    def update(self, gradient: Floats, learns: NDArray[np.bool_] | None) -> None:
        """Clip the gradient and update theta.

        Args:
            gradient: (R, P); overwritten.
            learns: (R,), False for nets that keep their weights; None: all nets learn.
        """
        self.clip(gradient)
        if learns is not None:
            gradient[~learns] = 0
        change = self.change(gradient, learns)
        if learns is not None:
            change[~learns] = 0  # it may be nonzero by momentum, or 0/0 where an epsilon rounds to 0
        self.theta -= change

    @abstractmethod
    def change(self, gradient: Floats, learns: NDArray[np.bool_] | None) -> Floats:
        """Return what `update` subtracts from theta, (R, P).

        Args:
            gradient: (R, P), clipped, 0 for nets that do not learn; may be overwritten.
            learns: (R,), False for nets that do not learn; None: all nets learn.
        """

    def state(self) -> dict[str, Floats]:
        """Return the state by name, one row per net, without theta; not copies."""
        return {}


def column(values: Sequence[float | None], theta: Floats) -> Floats:
    """Return one number per net as (R, 1), in the dtype of theta so that products keep it."""
    return np.array(values, float)[:, None].astype(theta.dtype)


class Clip:
    """Clipping of the gradient of each net to a Euclidean norm of at most clip_norm (experiment: Clipping).

    Pascanu et al. 2013. With clip_norm=null nothing is clipped.
    """

    def __init__(self, theta: Floats, knobs: Sequence[Knobs]) -> None:
        self.limit = column([np.inf if net.clip_norm is None else net.clip_norm for net in knobs], theta)
        self.never = np.array([[net.clip_norm is None] for net in knobs])
        self.is_off = bool(self.never.all())  # saves computing the norm at every time step of a stream

    def __call__(self, gradient: Floats) -> None:
        """Clip a gradient (R, P) in place; the constant 1e-12 is that of the published program."""
        if self.is_off:
            return
        norm = np.sqrt(np.vecdot(gradient, gradient))[:, None]
        gradient *= np.where(self.never | (norm <= self.limit), 1, self.limit / (norm + gradient.dtype.type(1e-12)))


def make_optimiser(theta: Floats, lr: Sequence[float], knobs: Sequence[Knobs]) -> Optimiser:
    """Make the optimiser that the knobs name; arguments as for Optimiser."""
    made: Optimiser = parts.get("optimiser", knobs[0].name).make(theta, lr, knobs)
    return made
