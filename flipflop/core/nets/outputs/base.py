"""The base class of C's output units: from the read-out to the action, and its derivative (experiment: Output units).

The mean action is the sigmoid of the read-out o. A unit can add noise, so that M also learns from other actions. Tests
use the mean. The noise is drawn before the episodes (core/noise.py).
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from flipflop import parts
from flipflop.config.schema import Output as Knobs

Floats = NDArray[np.floating]
Noise = Literal["normal", "uniform"] | None


class OutputUnit(ABC):
    """An output unit; all its arrays have the same shape, (R, B) or (R, T, B).

    For a unit with several read-outs, which only methods on a stream can use (learning/rtrl.py), o and the slope are
    (R, read_outs), and noise and actions are (R, 1).
    """

    draws: ClassVar[Noise] = None  # the noise of one action: standard normal, uniform in [0, 1), or none
    read_outs: ClassVar[int] = 1

    def __init__(self, knobs: Any) -> None:
        """Make a unit from its knobs, which are the same for all runs of a block."""

    @abstractmethod
    def act(self, o: Floats, noise: Floats, out: Floats) -> None:
        """Write the actions, numbers from 0 to 1, to `out`, from the read-out o and the noise."""

    @abstractmethod
    def slope(self, o: Floats, noise: Floats, y: Floats) -> Floats:
        """Return the derivative of the actions y to o, with the same noise held fixed."""


def output_unit(knobs: Knobs) -> OutputUnit:
    """Make the output unit that the knobs name."""
    unit: OutputUnit = parts.get("output", knobs.name).make(knobs)
    return unit
