"""What is left to chance in C's actions: the noise of its output unit, and exploration where M learns from them.

It is drawn from a stream of its own, so that the published stream stays as it is (experiment: Random numbers).
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.nets.outputs import OUTPUTS, OutputUnit

Floats = NDArray[np.floating]
DRAWN_AT_ONCE = 2**18  # uniforms: 2 MB
PER_ACTION = {None: 0, "uniform": 1, "normal": 2}  # uniforms that the noise of one action takes


class Chance(NamedTuple):
    """What C's actions in some episodes owe to chance."""

    unit: OutputUnit
    scale: float
    noise: Floats  # (R, T, B), as the unit draws it
    explored: NDArray[np.bool_] | None = None  # (R, T, B), where another action is taken instead of C's; None: nowhere
    instead: Floats | None = None  # (R, T, B), that action

    def take(self, t: int, o: Floats, out: Floats) -> None:
        """Write the actions of time step t, (R, B), from the read-out o."""
        self.unit.act(o, self.noise[:, t], self.scale, out)
        if self.explored is not None and self.instead is not None:
            np.copyto(out, self.instead[:, t], where=self.explored[:, t])


class StepNoise(NamedTuple):
    """What one outer step leaves to chance in R runs; None where nothing is."""

    controller: Chance | None  # in the episodes that C learns from
    world_model: Chance | None  # in those that M learns from, if C acts in them


def chances(
    generators: Sequence[np.random.Generator], configs: Sequence[Config], first: int = 0
) -> Iterator[StepNoise]:
    """What every outer step leaves to chance, without the `first` ones; the actions to take instead are not said.

    Per outer step uniforms, as many as are needed of each: with M's episodes acted by C, for each of these whether it
    is wholly random (data=mixed) and for each time step whether the action is; then the noise of M's episodes, then of
    C's. The generators are new; a uniform takes one step of PCG64, so that outer steps already done can be jumped over.
    """
    config, R = configs[0], len(configs)
    method, unit, T = config.method, OUTPUTS[config.controller.output], config.env.episode_length
    scale = config.controller.output_scale or 1.0  # the noise of the others has none
    B = config.regime.episodes_per_step
    B_M = B * method.rollouts_per_step if method.data != "random" else 0
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
        is_random = episodes.reshape(N, R, 1, B_M) < (method.random_fraction or 0)
        explored = is_random | (steps.reshape(N, R, T, B_M) < method.exploration_fraction)
        world_model_noise = noise_of(for_world_model.reshape(N, R, T, B_M, per_action), config.dtype)
        controller_noise = noise_of(for_controller.reshape(N, R, T, -1, per_action or 1), config.dtype)
        for i in range(N):
            yield StepNoise(
                Chance(unit, scale, controller_noise[i]) if per_action else None,
                Chance(unit, scale, world_model_noise[i], explored[i]) if B_M else None,
            )


def noise_of(uniforms: Floats, dtype: str) -> Floats:
    """The noise (...) in so many uniforms each (..., 0 to 2): none, one as it is, two as a standard normal number."""
    if uniforms.shape[-1] == 0:
        return np.zeros(uniforms.shape[:-1], dtype)
    if uniforms.shape[-1] == 1:
        return uniforms[..., 0].astype(dtype, order="C")
    radius, angle = (np.ascontiguousarray(uniforms[..., i]) for i in range(2))
    normal: Floats = np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle)  # Box & Muller 1958
    return normal.astype(dtype)
