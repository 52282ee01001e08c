"""One endless stream of events for each run, without resets, and what is left to chance on it.

As in episodes of one time step that go on where the last one ended, everything is drawn per time step: from the data
stream an event uniform and a uniform action, in the published order, and from the stream of chance whether that action
is taken instead of C's, and the noise of C's output unit. How many steps are drawn at once changes no number.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.nets.outputs import OUTPUTS
from flipflop.core.noise import PER_ACTION, noise_of
from flipflop.core.worlds import base, latch

Floats = NDArray[np.floating]
Runs = NDArray[np.integer]
DRAWN = 2  # uniforms of the data stream per time step: event and action


class StreamChunk(NamedTuple):
    """N time steps of the streams of R runs."""

    events: Floats  # (N, R, 3), one-hot (A, B, X), all zero where nothing fires
    desired: Floats  # (N, R), the latch after the event of the step: 0 or 1
    asked: Floats | None  # (N, R), 1 where the action has its pain and 0 elsewhere; None: at every step
    noise: Floats  # (N, R), as C's output unit draws it
    uniform: Floats  # (N, R), actions
    explored: NDArray[np.bool_] | None  # (N, R), where these are taken instead of C's; None: nowhere


class EventStreams:
    """The streams of a block's runs, each from where it is."""

    def __init__(self, configs: Sequence[Config], generators: Sequence[base.Streams]) -> None:
        """Begin with the runs' new generators, of which data and chance are used."""
        self.configs, self.generators = configs, generators
        first = configs[0]
        self.per_action = PER_ACTION[OUTPUTS[first.controller.output].draws]
        self.upper = latch.thresholds([config.env for config in configs])
        self.past = latch.at_rest(len(configs))

    def skip(self, steps: int) -> None:
        """Jump over time steps that have been seen: a uniform takes one step of PCG64. The past is to be set."""
        for own in self.generators:
            cast(np.random.PCG64, own.data.bit_generator).advance(steps * DRAWN)
            cast(np.random.PCG64, own.chance.bit_generator).advance(steps * (1 + self.per_action))

    def draw(self, runs: Runs, N: int) -> StreamChunk:
        """The next N time steps of some runs (indices into the block)."""
        first, R = self.configs[0], len(runs)
        data = np.stack([self.generators[run].data.random((N, DRAWN)) for run in runs])  # (R, N, 2)
        past = latch.LatchState(self.past.latch[runs], self.past.lag[runs])
        drawn = latch.episodes(
            data[..., :1], self.upper[:, runs], first.dtype, first.env.min_lag, first.env.pain_at, past
        )
        self.past.latch[runs], self.past.lag[runs] = latch.after(drawn, past)

        chance = np.stack([self.generators[run].chance.random((N, 1 + self.per_action)) for run in runs])
        explored = chance[..., 0] < first.method.exploration_fraction
        return StreamChunk(
            events=np.ascontiguousarray(drawn.events[:, :, 0].swapaxes(0, 1)),
            desired=_by_step(drawn.desired[..., 0]),
            asked=None if drawn.asked is None else _by_step(drawn.asked[..., 0]),
            noise=_by_step(noise_of(chance[:, :, 1:].reshape(R, N, self.per_action), first.dtype)),
            uniform=_by_step(data[..., 1].astype(first.dtype)),
            explored=np.ascontiguousarray(explored.T) if first.method.exploration_fraction else None,
        )


def _by_step(of_runs: Floats) -> Floats:
    """(R, N) as (N, R), a time step's numbers together."""
    return np.ascontiguousarray(of_runs.T)
