"""The world of the page: A resets a latch, B sets it, X is a distractor, and the latch is the desired action.

The pain is (action - latch)^2 (the page, Problem), at every time step or only where X fires.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop import parts
from flipflop.config import schema
from flipflop.config.rules import ConfigError, Probability, ZeroOrMore, one_of, refuse
from flipflop.core.worlds.base import Episodes, Past, World

Floats = NDArray[np.floating]

A, B, X = range(3)


@dataclass(kw_only=True)
class LatchKnobs(schema.World):
    """Knobs of the world of the page."""

    p_a: Probability
    p_b: Probability
    p_x: Probability
    pain_at: Annotated[str, one_of("every", "x")]
    min_lag: ZeroOrMore


class LatchState(NamedTuple):
    """The state before some time steps, (R, B) each."""

    latch: NDArray[np.bool_]
    lag: NDArray[np.integer]  # time steps since the last A or B


@parts.world("latch", LatchKnobs)
class Latch(World):
    """The events A, B and X, of which at most one fires at a time step, and a latch that starts at 0."""

    channels = ("A", "B", "X")
    lag_since = "the last A or B"

    def __init__(self, knobs: Sequence[LatchKnobs], dtype: DTypeLike) -> None:
        super().__init__(knobs, dtype)
        self.upper = thresholds(knobs)
        self.min_lag, self.at_x_alone = knobs[0].min_lag, knobs[0].pain_at == "x"

    @classmethod
    def validate(cls, knobs: LatchKnobs, prefix: str, shortest: int) -> None:
        """See World.validate: refuse probabilities that sum to more than 1, and worlds in which X can never fire."""
        if not knobs.p_a + knobs.p_b + knobs.p_x <= 1 + 1e-9:  # rounding of three probabilities that sum to 1
            raise ConfigError(
                f"{prefix}.p_a={knobs.p_a}, {prefix}.p_b={knobs.p_b}, {prefix}.p_x={knobs.p_x} are not allowed: "
                "probabilities must sum to at most 1"
            )
        if knobs.min_lag > shortest:
            words = f"at most {shortest}, the episode's length: X could never fire"
            raise refuse(f"{prefix}.min_lag", knobs.min_lag, words)
        if knobs.p_x == 0:
            if knobs.pain_at == "x":
                words = f"above 0 with {prefix}.pain_at=x: there would be no pain at all"
                raise refuse(f"{prefix}.p_x", knobs.p_x, words)
            if knobs.min_lag > 0:
                words = f"0 with {prefix}.p_x=0: it delays X, which never fires"
                raise refuse(f"{prefix}.min_lag", knobs.min_lag, words)

    @property
    def situations(self) -> Mapping[str, Sequence[str | None]]:
        """See World.situations: five contexts (the page, Pain landscape), with lengths of this project's choice."""
        contexts = {
            "just after A": "B--A",
            "after A and distractors": "B--AXX-XX",
            "just after B": "A--B",
            "after B and distractors": "A--BXX-XX",
            "long after B": "A--B" + "X--" * 8,
        }
        end = (None,) * self.reach
        return {name: tuple(None if event == "-" else event for event in text) + end for name, text in contexts.items()}

    def at_rest(self, R: int, B: int = 1) -> Past:
        """See World.at_rest: as after an A at the time step before the first."""
        return LatchState(np.zeros((R, B), bool), np.zeros((R, B), int))

    def after(self, drawn: Episodes, past: Past) -> Past:
        """See World.after."""
        return LatchState(drawn.desired[:, -1] != 0, self.lags(drawn.events, past)[:, -1])

    def fire(self, uniforms: Floats, past: Past) -> Floats:
        """See World.fire: A, B and X each fire in an interval of [0, 1), X only from a lag of min_lag on."""
        a_ends, b_ends, x_ends = self.upper[:, :, None, None]
        events = np.empty((*uniforms.shape, 3), self.dtype)
        events[..., A] = is_a = uniforms < a_ends
        events[..., B] = is_b = (uniforms < b_ends) & ~is_a
        is_x = (uniforms < x_ends) & (uniforms >= b_ends)
        if self.min_lag > 0:
            is_x &= steps_since(is_a | is_b, None if past is None else past.lag) >= self.min_lag
        events[..., X] = is_x
        return events

    def judge(self, events: Floats, past: Past) -> tuple[Floats, Floats | None]:
        """See World.judge: the latch after the event of the time step, 0 or 1, is desired."""
        is_a, is_b = events[..., A] != 0, events[..., B] != 0
        desired = np.empty(is_a.shape, self.dtype)
        latch = np.zeros_like(is_a[..., 0, :]) if past is None else past.latch
        for t in range(is_a.shape[-2]):
            latch = (latch & ~is_a[..., t, :]) | is_b[..., t, :]
            desired[..., t, :] = latch
        return desired, events[..., X] if self.at_x_alone else None

    def pain(self, t: int, actions: Sequence[Floats], drawn: Episodes, out: Floats) -> None:
        """See World.pain: (action - latch)^2 where the action is judged, 0 elsewhere."""
        np.subtract(actions[t], drawn.desired[:, t], out=out)
        np.square(out, out=out)
        if drawn.asked is not None:
            np.multiply(out, drawn.asked[:, t], out=out)

    def pains(self, actions: Floats, drawn: Episodes) -> Floats:
        """See World.pains."""
        pains = np.subtract(actions, drawn.desired)
        np.square(pains, out=pains)
        return pains if drawn.asked is None else np.multiply(pains, drawn.asked, out=pains)

    def pain_gradient(self, actions: Floats, drawn: Episodes) -> Floats:
        """See World.pain_gradient."""
        slope = 2 * (actions - drawn.desired)
        return slope if drawn.asked is None else slope * drawn.asked

    def lags(self, events: Floats, past: Past = None) -> NDArray[np.integer]:
        """See World.lags: the number of time steps since the last A or B, 0 where one fires."""
        return steps_since((events[..., A] != 0) | (events[..., B] != 0), None if past is None else past.lag)


def thresholds(knobs: Sequence[LatchKnobs]) -> Floats:
    """Return the upper ends (3, R) of the intervals of [0, 1) in which A, B and X fire, summed from left to right."""
    return np.array([(env.p_a, env.p_a + env.p_b, env.p_a + env.p_b + env.p_x) for env in knobs]).T


def steps_since(fires: NDArray[np.bool_], before: NDArray[np.integer] | None = None) -> NDArray[np.integer]:
    """Return the number of time steps since an event last fired, (..., T, B), 0 where it fires.

    Args:
        fires: (..., T, B), where the event fires.
        before: (..., B), this number at the time step before the first; None: 0, as if the event had fired there.
    """
    t = np.arange(fires.shape[-2])[:, None]
    last: NDArray[np.integer] = np.maximum.accumulate(np.where(fires, t, -1), axis=-2)
    return np.where(last >= 0, t - last, t + 1 + (0 if before is None else before[..., None, :]))
