"""The world: events, the latch they set, and the published stream of random numbers that draws them.

An event is drawn from one uniform per time step; A resets the latch, B sets it, X and nothing leave it. The world's
only verdict on an action is its pain, (action - latch)^2 (the page, Problem): at every step, or where X asks for it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from flipflop.config import Config, Environment

Floats = NDArray[np.floating]

TIME_STEPS_DRAWN_AT_ONCE = 2**17  # turning uniforms into events pays in bulk; this bounds its memory to about 10 MB


class Episodes(NamedTuple):
    """The episodes of one outer step as the nets meet them: R runs, T time steps, B episodes."""

    events: Floats  # (R, T, B, 3), one-hot (A, B, X), all zero where nothing fires
    desired: Floats  # (R, T, B), the latch after the event of the step: 0 or 1
    asked: Floats | None  # (R, T, B), 1 where the action has its pain and 0 elsewhere; None: at every step


class Batch(NamedTuple):
    """What one outer step draws from the data streams of R runs."""

    world_model: Episodes  # B times method.rollouts_per_step
    actions: Floats  # (R, T, B) of these, the random policy's uniform actions in them
    controller: Episodes


def thresholds(envs: Sequence[Environment]) -> Floats:
    """The upper ends (3, R) of the parts of [0, 1) in which A, B and X fire, summed left to right."""
    return np.array([(env.p_a, env.p_a + env.p_b, env.p_a + env.p_b + env.p_x) for env in envs]).T


class Past(NamedTuple):
    """What of the time before matters: R runs, B episodes."""

    latch: NDArray[np.bool_]  # (R, B)
    lag: NDArray[np.integer]  # (R, B), time steps since the last A or B


def at_rest(R: int, B: int = 1) -> Past:
    """Before the start of an episode: the latch is as after an A, which the step before counts as."""
    return Past(np.zeros((R, B), bool), np.zeros((R, B), int))


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
    past: Past | None = None,
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


def after(drawn: Episodes, past: Past) -> Past:
    """What was before the time steps that follow these, which came after `past`; (R, T, B) of them."""
    is_a_or_b = (drawn.events[..., 0] != 0) | (drawn.events[..., 1] != 0)
    return Past(drawn.desired[:, -1] != 0, lags(is_a_or_b, past.lag)[:, -1])


def pain(action: Floats, desired: Floats, asked: Floats | None = None, out: Floats | None = None) -> Floats:
    """The squared distance of the action from the latch, where it is asked for, and 0 elsewhere."""
    out = np.subtract(action, desired, out=out)
    out = np.square(out, out=out)
    return out if asked is None else np.multiply(out, asked, out=out)


class Streams(NamedTuple):
    """One run's independent generators: the three of the published stream, and one for what was added to it since."""

    controller: np.random.Generator
    world_model: np.random.Generator
    data: np.random.Generator
    chance: np.random.Generator  # in C's actions (chance.py)


def streams(seed: int) -> Streams:
    """Spawn a run's generators from its seed."""
    return Streams(*(np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)))


def batches(data: Sequence[np.random.Generator], configs: Sequence[Config], first: int = 0) -> Iterator[Batch]:
    """Every outer step's draws for R runs, in the published order; without the `first` ones.

    Per outer step: for each of the world model's episodes T event uniforms and T action uniforms, then for each of the
    controller's B episodes T event uniforms. Drawing many outer steps at once changes no number. The generators are
    new; a uniform takes one step of PCG64, so that the draws of outer steps already done can be jumped over.
    """
    regime, T, dtype = configs[0].regime, configs[0].env.episode_length, configs[0].dtype
    B, R = regime.episodes_per_step, len(configs)
    B_M = B * configs[0].method.rollouts_per_step
    drawn = (2 * B_M + B) * T
    upper = thresholds([config.env for config in configs])
    min_lag, pain_at = configs[0].env.min_lag, configs[0].env.pain_at
    for generator in data:
        cast(np.random.PCG64, generator.bit_generator).advance(first * drawn)
    at_once = max(1, TIME_STEPS_DRAWN_AT_ONCE // (R * drawn))
    for start in range(first, regime.steps, at_once):
        N = min(at_once, regime.steps - start)
        uniforms = np.stack([generator.random((N, drawn)) for generator in data], axis=1)
        for_world_model = uniforms[..., : 2 * B_M * T].reshape(N, R, B_M, 2, T).swapaxes(2, -1)  # (N, R, T, 2, B_M)
        for_controller = uniforms[..., 2 * B_M * T :].reshape(N, R, B, T).swapaxes(-1, -2)

        uniforms_of_world_model = np.ascontiguousarray(for_world_model[..., 0, :])
        world_model = episodes(uniforms_of_world_model, upper, dtype, min_lag, pain_at)
        actions = for_world_model[..., 1, :].astype(dtype, order="C")
        controller = episodes(np.ascontiguousarray(for_controller), upper, dtype, min_lag, pain_at)
        for i in range(N):
            yield Batch(_of_step(world_model, i), actions[i], _of_step(controller, i))


def _of_step(drawn: Episodes, i: int) -> Episodes:
    """The episodes of one of the outer steps drawn at once."""
    return Episodes(drawn.events[i], drawn.desired[i], None if drawn.asked is None else drawn.asked[i])
