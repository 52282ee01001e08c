"""The page's world with consequences that come later: the pain of a step is that of the action d steps before.

pain_t = (y_{t-d} - desired_{t-d})^2, and 0 before t = d. So credit must go through M's recurrence: from d = 1 on, the
derivative of a step's pain to the action of that step is 0.
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
    """The latch of the page; an action is judged at once and its pain felt `delay` time steps later."""

    def __init__(self, knobs: Sequence[DelayedKnobs], dtype: DTypeLike) -> None:
        super().__init__(knobs, dtype)
        self.delay = knobs[0].delay

    @property
    def reach(self) -> int:
        """See World.reach."""
        return self.delay

    @classmethod
    def validate(cls, knobs: Any, prefix: str, shortest: int) -> None:
        """Refuse also a delay after which the episode is over."""
        super().validate(knobs, prefix, shortest)
        if knobs.delay >= shortest:
            words = f"below {shortest}, the episode's length: no pain would be felt"
            raise refuse(f"{prefix}.delay", knobs.delay, words)

    def judge(self, events: Floats, past: Past) -> tuple[Floats, Floats | None]:
        """Judge the actions whose pain is felt before the episode is over."""
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
