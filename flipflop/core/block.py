"""What training is given beside its configs: someone to tell how far it is, and somewhere to keep its state."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

OnProgress = Callable[[int, Floats, Floats], None]
State = dict[str, NDArray[np.generic]]


class Checkpoint(Protocol):
    """Keeps a block's state while it trains, so that a process that dies does not take all of its work along."""

    def load(self) -> State | None:
        """The state to go on from, of the same configs in the same order; None to begin."""

    def offer(self, take: Callable[[], State]) -> None:
        """From time to time, at least every few hundred ms: take and keep the state, if it is time to."""
