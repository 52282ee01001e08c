"""A world of parity: one event flips the latch, so that every one since the start counts.

T flips a latch that starts at 0, X distracts, and the action should be the latch. No event sets the latch to a known
value, so that a memory that errs once is wrong until it errs again.
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
    """What was before some time steps, (R, B) each."""

    latch: NDArray[np.bool_]
    lag: NDArray[np.integer]  # time steps since the last T


@parts.world("toggle", ToggleKnobs)
class Toggle(World):
    """Events T and X, of which at most one fires at a time step."""

    channels = ("T", "X")

    def __init__(self, knobs: Sequence[ToggleKnobs], dtype: DTypeLike) -> None:
        super().__init__(knobs, dtype)
        self.upper = np.array([(own.p_toggle, own.p_toggle + own.p_x) for own in knobs]).T

    @classmethod
    def validate(cls, knobs: ToggleKnobs, prefix: str, shortest: int) -> None:
        """Refuse probabilities that do not fit."""
        if not knobs.p_toggle + knobs.p_x <= 1 + 1e-9:  # rounding of two probabilities that sum to 1
            raise ConfigError(
                f"{prefix}.p_toggle={knobs.p_toggle}, {prefix}.p_x={knobs.p_x} are not allowed: "
                "probabilities must sum to at most 1"
            )

    @property
    def situations(self) -> Mapping[str, Sequence[str | None]]:
        """The latch after one, two and three flips, at once and after distractors."""
        texts = {
            "at the start": "-",
            "just after one T": "-T",
            "just after two T": "T-T",
            "just after three T": "T-T-T",
            "after two T and distractors": "T-TXX-X",
        }
        return {name: tuple(None if e == "-" else e for e in text) for name, text in texts.items()}

    def at_rest(self, R: int, B: int = 1) -> Past:
        """See World.at_rest."""
        return ToggleState(np.zeros((R, B), bool), np.zeros((R, B), int))

    def after(self, drawn: Episodes, past: Past) -> Past:
        """See World.after."""
        return ToggleState(drawn.desired[:, -1] != 0, self.lags(drawn.events, past)[:, -1])

    def fire(self, uniforms: Floats, past: Past) -> Floats:
        """Fire T and X in their parts of [0, 1)."""
        t_ends, x_ends = self.upper[:, :, None, None]
        events = np.empty((*uniforms.shape, 2), self.dtype)
        events[..., 0] = uniforms < t_ends
        events[..., 1] = (uniforms >= t_ends) & (uniforms < x_ends)
        return events

    def judge(self, events: Floats, past: Past) -> tuple[Floats, None]:
        """Desire the parity of all T up to the step."""
        flips = events[..., 0] != 0
        before = False if past is None else past.latch[..., None, :]
        parity = np.logical_xor.accumulate(flips, axis=-2) ^ before
        return parity.astype(events.dtype), None

    def pain(self, t: int, actions: Sequence[Floats], drawn: Episodes, out: Floats) -> None:
        """The squared distance of the action from the latch."""
        np.subtract(actions[t], drawn.desired[:, t], out=out)
        np.square(out, out=out)

    def pains(self, actions: Floats, drawn: Episodes) -> Floats:
        """See World.pains."""
        return np.square(actions - drawn.desired)

    def pain_gradient(self, actions: Floats, drawn: Episodes) -> Floats:
        """See World.pain_gradient."""
        return 2 * (actions - drawn.desired)

    def lags(self, events: Floats, past: Past = None) -> NDArray[np.integer]:
        """Time steps since the last T: 0 where one fires."""
        return steps_since(events[..., 0] != 0, None if past is None else past.lag)
