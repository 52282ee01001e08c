"""An endless stream of events for each run, without resets, and the noise in C's actions.

Each time step takes two uniforms from the data stream, for the event and for a uniform action; then, from the noise
stream, one that decides whether this action replaces C's, and those for the noise of C's output unit (experiment: The
1990 reading). The number of time steps drawn at once changes no number.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.nets.outputs.base import output_unit
from flipflop.core.noise import PER_ACTION, noise_of
from flipflop.core.worlds.base import Episodes, Streams, make_world

Floats = NDArray[np.floating]
Runs = NDArray[np.integer]
UNIFORMS_PER_STEP = 2  # uniforms of the data stream per time step: event and action


class StreamKnobs(Protocol):
    """The knobs that a method which trains on streams must have (methods/rtrl_1990.py describes them)."""

    credit: str
    through_pain: bool
    schedule: str
    warmup_steps: int
    exploration_fraction: float
    stop_after: int | None


def stream_knobs(config: Config) -> StreamKnobs:
    """Return the knobs of a config whose method trains on streams."""
    return cast(StreamKnobs, config.method)


class StreamChunk(NamedTuple):
    """N time steps of the streams of R runs."""

    events: Floats  # (N, R, E), 1 where the event of a channel fires and 0 elsewhere
    desired: Floats  # (N, R), the action that has no pain
    asked: Floats | None  # (N, R), 1 where the action is judged and 0 elsewhere; None: every action is judged
    noise: Floats  # (N, R), of the kind that C's output unit asks for
    uniform: Floats  # (N, R), uniform actions
    explored: NDArray[np.bool_] | None  # (N, R), where the uniform action replaces C's; None: nowhere

    def of_step(self, t: int) -> Episodes:
        """Return time step t as one episode of one time step for each run."""
        return Episodes(
            self.events[t, :, None, None],
            self.desired[t, :, None, None],
            None if self.asked is None else self.asked[t, :, None, None],
        )


class EventStreams:
    """The streams of the runs of a block, each at its current time step."""

    def __init__(self, configs: Sequence[Config], generators: Sequence[Streams]) -> None:
        """Start the streams of R runs from their new generators, of which data and noise are used."""
        self.configs, self.generators = configs, generators
        first = configs[0]
        self.exploration = stream_knobs(first).exploration_fraction
        self.per_action = PER_ACTION[output_unit(first.controller.output).draws]
        self.past = make_world([config.env for config in configs], first.dtype).at_rest(len(configs))

    def skip(self, steps: int) -> None:
        """Skip the random numbers of time steps already done; the caller restores `arrays`.

        Drawing a uniform advances PCG64 by one.
        """
        for run in self.generators:
            cast(np.random.PCG64, run.data.bit_generator).advance(steps * UNIFORMS_PER_STEP)
            cast(np.random.PCG64, run.noise.bit_generator).advance(steps * (1 + self.per_action))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the state of the worlds, by name, one row per run; not copies."""
        return {f"past.{name}": getattr(self.past, name) for name in getattr(self.past, "_fields", ())}

    def draw(self, runs: Runs, N: int) -> StreamChunk:
        """Draw the next N time steps of these runs, given by their indices in the block."""
        first, R = self.configs[0], len(runs)
        world = make_world([self.configs[run].env for run in runs], first.dtype)
        data = np.stack([self.generators[run].data.random((N, UNIFORMS_PER_STEP)) for run in runs])  # (R, N, 2)
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
    """Return (R, N) as a contiguous (N, R)."""
    return np.ascontiguousarray(of_runs.T)
