"""The world of the page with pain that comes d time steps after the action (experiment: Further worlds).

pain_t = (y_{t-d} - desired_{t-d})^2, and 0 before t = d. For d >= 1 the derivative of pain_t to y_t is 0, so that
credit must go through M's recurrence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop import parts
from flipflop.config.rules import ZeroOrMore, refuse
from flipflop.core.worlds.base import Episodes, Past
from flipflop.core.worlds.latch import Latch, LatchKnobs

Floats = NDArray[np.floating]


@dataclass(kw_only=True)
class DelayedKnobs(LatchKnobs):
    """Knobs of the world whose pain comes later."""

    delay: ZeroOrMore


@parts.world("delayed", DelayedKnobs)
class Delayed(Latch):
    """The latch of the page, in which the pain of an action comes `delay` time steps later."""

    def __init__(self, knobs: Sequence[DelayedKnobs], dtype: DTypeLike) -> None:
        super().__init__(knobs, dtype)
        self.delay = knobs[0].delay

    @property
    def reach(self) -> int:
        """See World.reach."""
        return self.delay

    @classmethod
    def validate(cls, knobs: Any, prefix: str, shortest: int) -> None:
        """See World.validate; also refuse a delay that is not shorter than the episode."""
        super().validate(knobs, prefix, shortest)
        if knobs.delay >= shortest:
            words = f"below {shortest}, the episode's length: no pain would be felt"
            raise refuse(f"{prefix}.delay", knobs.delay, words)

    def judge(self, events: Floats, past: Past) -> tuple[Floats, Floats | None]:
        """See World.judge: only actions whose pain comes within the episode are judged."""
        desired, asked = super().judge(events, past)
        if self.delay:
            asked = np.ones_like(desired) if asked is None else asked.copy()
            asked[..., -self.delay :, :] = 0
        return desired, asked

    def pain(self, t: int, actions: Sequence[Floats], drawn: Episodes, out: Floats) -> None:
        """See World.pain."""
        if t < self.delay:
            out[...] = 0
        else:
            super().pain(t - self.delay, actions, drawn, out)

    def pains(self, actions: Floats, drawn: Episodes) -> Floats:
        """See World.pains."""
        pains = super().pains(actions, drawn)
        if self.delay:
            pains[:, self.delay :] = pains[:, : -self.delay].copy()
            pains[:, : self.delay] = 0
        return pains
