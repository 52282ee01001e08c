"""What acting and learning ask of C's output unit: how an action comes about from the read-out, and the way back.

The mean action is the sigmoid of the read-out o; a unit adds noise to it, so that M meets more than the actions that C
is sure of. Tests are of the mean. Noise is drawn beforehand (noise.py).
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
    """An output unit; all arrays have one shape, (R, B) or (R, T, B).

    One with several read-outs takes o (R, read_outs), noise and actions (R, 1), and has a slope for each read-out; only
    nets on a stream have them (rtrl.py).
    """

    draws: ClassVar[Noise] = None  # the noise of one action: a standard normal number, or one uniform in [0, 1)
    read_outs: ClassVar[int] = 1

    def __init__(self, knobs: Any) -> None:
        """Make the unit from its knobs, which are the same for all runs of a block."""

    @abstractmethod
    def act(self, o: Floats, noise: Floats, out: Floats) -> None:
        """Write the actions, each from 0 to 1."""

    @abstractmethod
    def slope(self, o: Floats, noise: Floats, y: Floats) -> Floats:
        """Return the derivative of the actions y to o, with the noise as it was."""


def output_unit(knobs: Knobs) -> OutputUnit:
    """Make the output unit that some knobs are of."""
    unit: OutputUnit = parts.get("output", knobs.name).make(knobs)
    return unit
