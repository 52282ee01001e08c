"""One endless stream of events for each run, without resets, and the noise of C's actions on it.

As in episodes of one time step that go on where the last one ended, everything is drawn per time step: from the data
stream an event uniform and a uniform action, in the published order; from the noise stream whether that action is taken
instead of C's, and the noise of C's output unit. How many steps are drawn at once changes no number.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.nets.outputs.base import output_unit
from flipflop.core.noise import PER_ACTION, noise_of
from flipflop.core.worlds.base import Episodes, Streams, make_world

Floats = NDArray[np.floating]
Runs = NDArray[np.integer]
DRAWN = 2  # uniforms of the data stream per time step: event and action


class StreamChunk(NamedTuple):
    """N time steps of the streams of R runs."""

    events: Floats  # (N, R, E), 1 where the event of a channel fires and 0 elsewhere
    desired: Floats  # (N, R), the action that has no pain
    asked: Floats | None  # (N, R), 1 where the action is judged and 0 elsewhere; None: at every step
    noise: Floats  # (N, R), as C's output unit draws it
    uniform: Floats  # (N, R), actions
    explored: NDArray[np.bool_] | None  # (N, R), where these are taken instead of C's; None: nowhere

    def of_step(self, t: int) -> Episodes:
        """Return time step t as R episodes of one time step."""
        return Episodes(
            self.events[t, :, None, None],
            self.desired[t, :, None, None],
            None if self.asked is None else self.asked[t, :, None, None],
        )


class EventStreams:
    """The streams of a block's runs, each from where it is."""

    def __init__(self, configs: Sequence[Config], generators: Sequence[Streams]) -> None:
        """Begin with the runs' new generators, of which data and noise are used."""
        self.configs, self.generators = configs, generators
        first = configs[0]
        method: Any = first.method
        self.exploration: float = method.exploration_fraction
        self.per_action = PER_ACTION[output_unit(first.controller.output).draws]
        self.past = make_world([config.env for config in configs], first.dtype).at_rest(len(configs))

    def skip(self, steps: int) -> None:
        """Skip time steps that have been seen: a uniform takes one step of PCG64. The past is to be set."""
        for own in self.generators:
            cast(np.random.PCG64, own.data.bit_generator).advance(steps * DRAWN)
            cast(np.random.PCG64, own.noise.bit_generator).advance(steps * (1 + self.per_action))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what the worlds remember, a row per run: the arrays themselves."""
        return {f"past.{name}": getattr(self.past, name) for name in getattr(self.past, "_fields", ())}

    def draw(self, runs: Runs, N: int) -> StreamChunk:
        """Draw the next N time steps of some runs (indices into the block)."""
        first, R = self.configs[0], len(runs)
        world = make_world([self.configs[run].env for run in runs], first.dtype)
        data = np.stack([self.generators[run].data.random((N, DRAWN)) for run in runs])  # (R, N, 2)
        past = type(self.past)(*(array[runs] for array in self.past))
        drawn = world.draw(data[..., :1], past)
        for array, later in zip(self.past, world.after(drawn, past), strict=True):
            array[runs] = later

        noise = np.stack([self.generators[run].noise.random((N, 1 + self.per_action)) for run in runs])
        explored = noise[..., 0] < self.exploration
        return StreamChunk(
            events=np.ascontiguousarray(drawn.events[:, :, 0].swapaxes(0, 1)),
            desired=_by_step(drawn.desired[..., 0]),
            asked=None if drawn.asked is None else _by_step(drawn.asked[..., 0]),
            noise=_by_step(noise_of(noise[:, :, 1:].reshape(R, N, self.per_action), first.dtype)),
            uniform=_by_step(data[..., 1].astype(first.dtype)),
            explored=np.ascontiguousarray(explored.T) if self.exploration else None,
        )


def _by_step(of_runs: Floats) -> Floats:
    """(R, N) as (N, R), a time step's numbers together."""
    return np.ascontiguousarray(of_runs.T)
