"""The published stream of random numbers, turned into the episodes of outer steps."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.worlds.base import Episodes, make_world

Floats = NDArray[np.floating]
TIME_STEPS_DRAWN_AT_ONCE = 2**17  # turning uniforms into events pays in bulk; this bounds its memory to about 10 MB


class Batch(NamedTuple):
    """What one outer step draws from the data streams of R runs."""

    world_model: Episodes  # B_M of them
    actions: Floats  # (R, T, B_M), the random policy's uniform actions in these
    controller: Episodes  # B of them


def batches(
    data: Sequence[np.random.Generator], configs: Sequence[Config], rollouts: int = 1, first: int = 0
) -> Iterator[Batch]:
    """Draw for every outer step of R runs, in the published order (experiment: Random numbers).

    Per outer step: for each of the world model's B_M episodes T event uniforms and T action uniforms, then for each of
    the controller's B episodes T event uniforms. Drawing many outer steps at once changes no number.

    Args:
        data: the data stream of each run, new: a uniform takes one step of PCG64, so that draws can be skipped.
        configs: of the runs.
        rollouts: B_M / B.
        first: outer steps to skip, whose draws have been used.
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
    """The episodes of one of the outer steps drawn at once."""
    return Episodes(drawn.events[i], drawn.desired[i], None if drawn.asked is None else drawn.asked[i])
