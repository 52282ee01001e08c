"""The episodes of outer steps, drawn from the data streams of the published program."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.worlds.base import Episodes, make_world

Floats = NDArray[np.floating]
TIME_STEPS_DRAWN_AT_ONCE = 2**17  # a larger number saves calls of numpy; this one bounds the memory to about 10 MB


class Batch(NamedTuple):
    """The episodes of one outer step of R runs."""

    world_model: Episodes  # M's B_M episodes
    actions: Floats  # (R, T, B_M), uniform actions in M's episodes
    controller: Episodes  # C's B episodes


def batches(
    data: Sequence[np.random.Generator], configs: Sequence[Config], rollouts: int = 1, first: int = 0
) -> Iterator[Batch]:
    """Draw the episodes of every outer step of R runs (experiment: Random numbers).

    Each outer step takes, for each of M's B_M episodes, T uniforms for events and T for actions; then, for each of C's
    B episodes, T uniforms for events. The number of outer steps drawn at once changes no number.

    Args:
        data: the new data generator of each run. Drawing a uniform advances PCG64 by one, so that outer steps can be
            skipped.
        configs: of the runs.
        rollouts: B_M / B.
        first: number of outer steps to skip.
    """
    regime, T, dtype = configs[0].regime, configs[0].env.episode_length, configs[0].dtype
    B, R = regime.episodes_per_step, len(configs)
    B_M = B * rollouts
    drawn = (2 * B_M + B) * T
    world = make_world([config.env for config in configs], dtype)
    for generator in data:
        cast(np.random.PCG64, generator.bit_generator).advance(first * drawn)
    at_once = max(1, TIME_STEPS_DRAWN_AT_ONCE // (R * drawn))
    for start in range(first, regime.steps, at_once):
        N = min(at_once, regime.steps - start)
        uniforms = np.stack([generator.random((N, drawn)) for generator in data], axis=1)
        for_world_model = uniforms[..., : 2 * B_M * T].reshape(N, R, B_M, 2, T).swapaxes(2, -1)  # (N, R, T, 2, B_M)
        for_controller = uniforms[..., 2 * B_M * T :].reshape(N, R, B, T).swapaxes(-1, -2)

        world_model = world.draw(np.ascontiguousarray(for_world_model[..., 0, :]))
        actions = for_world_model[..., 1, :].astype(dtype, order="C")
        controller = world.draw(np.ascontiguousarray(for_controller))
        for i in range(N):
            yield Batch(_of_step(world_model, i), actions[i], _of_step(controller, i))


def _of_step(drawn: Episodes, i: int) -> Episodes:
    """Return the episodes of one outer step from those of several, whose outer step is the first axis."""
    return Episodes(drawn.events[i], drawn.desired[i], None if drawn.asked is None else drawn.asked[i])
