"""A world of parity: T flips a latch that starts at 0, X is a distractor, and the latch is the desired action.

No event sets the latch to a known value, so that every T since the start matters, and a memory that fails once is wrong
until it fails again (experiment: Further worlds).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop import parts
from flipflop.config import schema
from flipflop.config.rules import ConfigError, Probability
from flipflop.core.worlds.base import Episodes, Past, World
from flipflop.core.worlds.latch import steps_since

Floats = NDArray[np.floating]


@dataclass(kw_only=True)
class ToggleKnobs(schema.World):
    """Knobs of the world of parity."""

    p_toggle: Probability
    p_x: Probability


class ToggleState(NamedTuple):
    """The state before some time steps, (R, B) each."""

    latch: NDArray[np.bool_]
    lag: NDArray[np.integer]  # time steps since the last T


@parts.world("toggle", ToggleKnobs)
class Toggle(World):
    """The events T and X, of which at most one fires at a time step, and a latch that T flips."""

    channels = ("T", "X")
    lag_since = "the last T"

    def __init__(self, knobs: Sequence[ToggleKnobs], dtype: DTypeLike) -> None:
        super().__init__(knobs, dtype)
        self.upper = np.array([(run.p_toggle, run.p_toggle + run.p_x) for run in knobs]).T

    @classmethod
    def validate(cls, knobs: ToggleKnobs, prefix: str, shortest: int) -> None:
        """See World.validate: refuse probabilities that sum to more than 1."""
        if not knobs.p_toggle + knobs.p_x <= 1 + 1e-9:  # rounding of two probabilities that sum to 1
            raise ConfigError(
                f"{prefix}.p_toggle={knobs.p_toggle}, {prefix}.p_x={knobs.p_x} are not allowed: "
                "probabilities must sum to at most 1"
            )

    @property
    def situations(self) -> Mapping[str, Sequence[str | None]]:
        """See World.situations: after no, one, two and three T, and after two T and distractors."""
        texts = {
            "at the start": "-",
            "just after one T": "-T",
            "just after two T": "T-T",
            "just after three T": "T-T-T",
            "after two T and distractors": "T-TXX-X",
        }
        return {name: tuple(None if event == "-" else event for event in text) for name, text in texts.items()}

    def at_rest(self, R: int, B: int = 1) -> Past:
        """See World.at_rest."""
        return ToggleState(np.zeros((R, B), bool), np.zeros((R, B), int))

    def after(self, drawn: Episodes, past: Past) -> Past:
        """See World.after."""
        return ToggleState(drawn.desired[:, -1] != 0, self.lags(drawn.events, past)[:, -1])

    def fire(self, uniforms: Floats, past: Past) -> Floats:
        """See World.fire: T and X each fire in an interval of [0, 1)."""
        t_ends, x_ends = self.upper[:, :, None, None]
        events = np.empty((*uniforms.shape, 2), self.dtype)
        events[..., 0] = uniforms < t_ends
        events[..., 1] = (uniforms >= t_ends) & (uniforms < x_ends)
        return events

    def judge(self, events: Floats, past: Past) -> tuple[Floats, None]:
        """See World.judge: the parity of the number of T up to the time step is desired."""
        flips = events[..., 0] != 0
        before = False if past is None else past.latch[..., None, :]
        parity = np.logical_xor.accumulate(flips, axis=-2) ^ before
        return parity.astype(events.dtype), None

    def pain(self, t: int, actions: Sequence[Floats], drawn: Episodes, out: Floats) -> None:
        """See World.pain: (action - latch)^2."""
        np.subtract(actions[t], drawn.desired[:, t], out=out)
        np.square(out, out=out)

    def pains(self, actions: Floats, drawn: Episodes) -> Floats:
        """See World.pains."""
        return np.square(actions - drawn.desired)

    def pain_gradient(self, actions: Floats, drawn: Episodes) -> Floats:
        """See World.pain_gradient."""
        return 2 * (actions - drawn.desired)

    def lags(self, events: Floats, past: Past = None) -> NDArray[np.integer]:
        """See World.lags: the number of time steps since the last T, 0 where one fires."""
        return steps_since(events[..., 0] != 0, None if past is None else past.lag)
