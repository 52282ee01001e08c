"""The world of the page: events, the latch that they set, and the pain of an action.

An event is drawn from one uniform per time step; A resets the latch, B sets it, X and nothing leave it. The world's
only verdict on an action is its pain, (action - latch)^2 (the page, Problem): at every step, or where X asks for it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop.config.schema import Environment
from flipflop.core.worlds.base import Episodes

Floats = NDArray[np.floating]


def thresholds(envs: Sequence[Environment]) -> Floats:
    """The upper ends (3, R) of the parts of [0, 1) in which A, B and X fire, summed left to right."""
    return np.array([(env.p_a, env.p_a + env.p_b, env.p_a + env.p_b + env.p_x) for env in envs]).T


class LatchState(NamedTuple):
    """What of the time before matters: R runs, B episodes."""

    latch: NDArray[np.bool_]  # (R, B)
    lag: NDArray[np.integer]  # (R, B), time steps since the last A or B


def at_rest(R: int, B: int = 1) -> LatchState:
    """Before the start of an episode: the latch is as after an A, which the step before counts as."""
    return LatchState(np.zeros((R, B), bool), np.zeros((R, B), int))


def lags(is_a_or_b: NDArray[np.bool_], before: NDArray[np.integer] | None = None) -> NDArray[np.integer]:
    """Time steps since the last A or B, (..., T, B): 0 where one fires; `before` (..., B) had passed already.

    An episode begins one step after such an event, for its latch is at rest as after an A.
    """
    t = np.arange(is_a_or_b.shape[-2])[:, None]
    last: NDArray[np.integer] = np.maximum.accumulate(np.where(is_a_or_b, t, -1), axis=-2)
    return np.where(last >= 0, t - last, t + 1 + (0 if before is None else before[..., None, :]))


def episodes(
    uniforms: Floats,
    upper: Floats,
    dtype: DTypeLike,
    min_lag: int = 0,
    pain_at: str = "every",
    past: LatchState | None = None,
) -> Episodes:
    """Turn one uniform per time step, (..., R, T, B), into events, the latch, and where it is asked for.

    Args:
        uniforms: one per time step.
        upper: from `thresholds`.
        dtype: of the results.
        min_lag: where fewer steps have passed since the last A or B, nothing fires in X's place.
        pain_at: `every` step, or `x`: only where X fires.
        past: what was before; None: nothing, as at the start of an episode.
    """
    a_ends, b_ends, x_ends = upper[:, :, None, None]
    is_a = uniforms < a_ends
    is_b = (uniforms < b_ends) & ~is_a
    is_x = (uniforms < x_ends) & (uniforms >= b_ends)
    if min_lag > 0:
        is_x &= lags(is_a | is_b, None if past is None else past.lag) >= min_lag

    events = np.empty((*uniforms.shape, 3), dtype)
    for column, fires in enumerate((is_a, is_b, is_x)):
        events[..., column] = fires

    desired = np.empty(uniforms.shape, dtype)
    latch = np.zeros_like(is_a[..., 0, :]) if past is None else past.latch
    for t in range(uniforms.shape[-2]):
        latch = (latch & ~is_a[..., t, :]) | is_b[..., t, :]
        desired[..., t, :] = latch
    return Episodes(events, desired, events[..., 2] if pain_at == "x" else None)


def after(drawn: Episodes, past: LatchState) -> LatchState:
    """What was before the time steps that follow these, which came after `past`; (R, T, B) of them."""
    is_a_or_b = (drawn.events[..., 0] != 0) | (drawn.events[..., 1] != 0)
    return LatchState(drawn.desired[:, -1] != 0, lags(is_a_or_b, past.lag)[:, -1])


def pain(action: Floats, desired: Floats, asked: Floats | None = None, out: Floats | None = None) -> Floats:
    """The squared distance of the action from the latch, where it is asked for, and 0 elsewhere."""
    out = np.subtract(action, desired, out=out)
    out = np.square(out, out=out)
    return out if asked is None else np.multiply(out, asked, out=out)
