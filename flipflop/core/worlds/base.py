"""What every world has: episodes, and the independent random streams of a run."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


class Episodes(NamedTuple):
    """The episodes of one outer step as the nets meet them: R runs, T time steps, B episodes."""

    events: Floats  # (R, T, B, 3), one-hot (A, B, X), all zero where nothing fires
    desired: Floats  # (R, T, B), the latch after the event of the step: 0 or 1
    asked: Floats | None  # (R, T, B), 1 where the action has its pain and 0 elsewhere; None: at every step


class Streams(NamedTuple):
    """One run's independent generators: the three of the published stream, and one for what was added to it since."""

    controller: np.random.Generator
    world_model: np.random.Generator
    data: np.random.Generator
    chance: np.random.Generator  # in C's actions (chance.py)


def streams(seed: int) -> Streams:
    """Spawn a run's generators from its seed."""
    return Streams(*(np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)))
