"""What both ways of training a block share: whom they tell how far it is, and where they keep what."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config

Floats = NDArray[np.floating]
OnProgress = Callable[[int, Floats, Floats], None]
State = dict[str, NDArray[np.generic]]


class Checkpoint(Protocol):
    """Keeps a block's state while it trains, so that a process that dies does not take all of its work along."""

    def load(self) -> State | None:
        """The state to go on from, of the same configs in the same order; None to begin."""

    def offer(self, take: Callable[[], State]) -> None:
        """From time to time, at least every few hundred ms: take and keep the state, if it is time to."""


def room_for_snapshots(config: Config, R: int, sizes: tuple[int, int]) -> list[Floats]:
    """What is to hold the weights of both nets, of these sizes, at every moment that is kept, NaN till then."""
    every = config.snapshots.every
    if not every:
        return []
    return [np.full((R, 1 + config.regime.steps // every, size), np.nan, config.dtype) for size in sizes]
