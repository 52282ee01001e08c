"""The noise in C's actions: that of its output unit, and exploration where M learns from them.

It is drawn from a stream of its own, so that the published stream stays as it is (experiment: Random numbers).
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.nets.outputs.base import OutputUnit, output_unit

Floats = NDArray[np.floating]
DRAWN_AT_ONCE = 2**18  # uniforms: 2 MB
PER_ACTION = {None: 0, "uniform": 1, "normal": 2}  # uniforms that the noise of one action takes


class ActionNoise(NamedTuple):
    """The noise in C's actions in some episodes."""

    unit: OutputUnit
    noise: Floats  # (R, T, B), as the unit draws it
    explored: NDArray[np.bool_] | None = None  # (R, T, B), where another action is taken instead of C's; None: nowhere
    instead: Floats | None = None  # (R, T, B), that action

    def take(self, t: int, o: Floats, out: Floats) -> None:
        """Write the actions of time step t, (R, B), from the read-out o."""
        self.unit.act(o, self.noise[:, t], out)
        if self.explored is not None and self.instead is not None:
            np.copyto(out, self.instead[:, t], where=self.explored[:, t])


class StepNoise(NamedTuple):
    """The noise of one outer step of R runs; None where there is none."""

    controller: ActionNoise | None  # in the episodes that C learns from
    world_model: ActionNoise | None  # in those that M learns from, if C acts in them


class Exploration(NamedTuple):
    """How C acts in the episodes that M learns from."""

    episodes: int  # B_M, 0 if C acts in none
    random_fraction: float  # of these episodes, the share with uniform actions alone
    exploration_fraction: float  # of C's actions in them, the share replaced by uniform ones


def step_noise(
    generators: Sequence[np.random.Generator], configs: Sequence[Config], exploration: Exploration, first: int = 0
) -> Iterator[StepNoise]:
    """Draw the noise of every outer step, without the first ones; the actions to take instead are the data stream's.

    Per outer step uniforms are drawn in this order, as many as are needed of each: where C acts in M's episodes, for
    each of these whether it is wholly random and for each time step whether the action is; then the noise of M's
    episodes; then that of C's. The generators are new; a uniform takes one step of PCG64, so that outer steps already
    done can be skipped.
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
    """Return the noise (...) in uniforms (..., 0 to 2): none, one as it is, two as a standard normal number."""
    if uniforms.shape[-1] == 0:
        return np.zeros(uniforms.shape[:-1], dtype)
    if uniforms.shape[-1] == 1:
        return uniforms[..., 0].astype(dtype, order="C")
    radius, angle = (np.ascontiguousarray(uniforms[..., i]) for i in range(2))
    normal: Floats = np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle)  # Box & Muller 1958
    return normal.astype(dtype)
