"""Noise in the controller's actions: from its output unit, and by exploration in the episodes that M learns from.

It is drawn from a separate stream, so that the streams of the published program do not change (experiment: Random
numbers).
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.nets.outputs.base import OutputUnit, output_unit

Floats = NDArray[np.floating]
DRAWN_AT_ONCE = 2**18  # uniforms; bounds their memory to 2 MB
PER_ACTION = {None: 0, "uniform": 1, "normal": 2}  # number of uniforms for the noise of one action


class ActionNoise(NamedTuple):
    """The noise in the actions of R controllers in some episodes."""

    unit: OutputUnit
    noise: Floats  # (R, T, B), of the kind that the unit asks for (OutputUnit.draws)
    explored: NDArray[np.bool_] | None = None  # (R, T, B), where C's action is replaced; None: nowhere
    replacement: Floats | None = None  # (R, T, B), the actions that replace C's

    def write_actions(self, t: int, o: Floats, out: Floats) -> None:
        """Write the actions of time step t to `out` (R, B), from the read-out o (R, B)."""
        self.unit.act(o, self.noise[:, t], out)
        if self.explored is not None and self.replacement is not None:
            np.copyto(out, self.replacement[:, t], where=self.explored[:, t])


class StepNoise(NamedTuple):
    """The noise of one outer step of R runs; None where there is none."""

    controller: ActionNoise | None  # in the episodes that C learns from
    world_model: ActionNoise | None  # in the episodes that M learns from, if C acts in them; without replacements


class Exploration(NamedTuple):
    """How C acts in the episodes that M learns from."""

    episodes: int  # their number B_M; 0 if C acts in none
    random_fraction: float  # the probability that all actions of an episode are uniform
    exploration_fraction: float  # the probability that one action is replaced by a uniform one


def step_noise(
    generators: Sequence[np.random.Generator], configs: Sequence[Config], exploration: Exploration, first: int = 0
) -> Iterator[StepNoise]:
    """Draw the noise of every outer step (experiment: Random numbers).

    An outer step draws those of the following uniforms that are needed, in this order: if C acts in M's episodes,
    whether each episode is random, then whether each action is replaced; the noise of M's episodes; the noise of C's
    episodes. The replacing actions come from the data stream, so that the caller adds them.

    Args:
        generators: the new noise generator of each run. Drawing a uniform advances PCG64 by one, so that the outer
            steps already done can be skipped.
        configs: of the runs.
        exploration: in M's episodes.
        first: number of outer steps to skip.
    """
    config, R = configs[0], len(configs)
    unit, T, B = output_unit(config.controller.output), config.env.episode_length, config.regime.episodes_per_step
    B_M, random_fraction, exploration_fraction = exploration
    per_action = PER_ACTION[unit.draws]
    *ends, drawn = np.cumsum([B_M, B_M * T, B_M * T * per_action, B * T * per_action]).tolist()
    if not drawn:
        yield from repeat(StepNoise(None, None), config.regime.steps - first)
        return

    for generator in generators:
        cast(np.random.PCG64, generator.bit_generator).advance(first * drawn)
    at_once = max(1, DRAWN_AT_ONCE // (R * drawn))
    for start in range(first, config.regime.steps, at_once):
        N = min(at_once, config.regime.steps - start)
        uniforms = np.stack([generator.random((N, drawn)) for generator in generators], axis=1)
        episodes, steps, for_world_model, for_controller = np.split(uniforms, ends, axis=-1)
        is_random = episodes.reshape(N, R, 1, B_M) < random_fraction
        explored = is_random | (steps.reshape(N, R, T, B_M) < exploration_fraction)
        world_model_noise = noise_of(for_world_model.reshape(N, R, T, B_M, per_action), config.dtype)
        controller_noise = noise_of(for_controller.reshape(N, R, T, -1, per_action or 1), config.dtype)
        for i in range(N):
            yield StepNoise(
                ActionNoise(unit, controller_noise[i]) if per_action else None,
                ActionNoise(unit, world_model_noise[i], explored[i]) if B_M else None,
            )


def noise_of(uniforms: Floats, dtype: str) -> Floats:
    """Return the noise (...) made from uniforms (..., n): n = 0 gives 0, 1 the uniform, 2 a standard normal number."""
    if uniforms.shape[-1] == 0:
        return np.zeros(uniforms.shape[:-1], dtype)
    if uniforms.shape[-1] == 1:
        return uniforms[..., 0].astype(dtype, order="C")
    radius, angle = (np.ascontiguousarray(uniforms[..., i]) for i in range(2))
    normal: Floats = np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle)  # Box & Muller 1958
    return normal.astype(dtype)
