"""Training on one endless stream: both nets learn at every time step, by real-time recurrent learning.

An outer step is one time step. The nets are never reset. From time to time they are tested, and runs that have diverged
or need no more training are let go: the others go on without them, each bitwise as if it were alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.acting import correct
from flipflop.core.nets.outputs.base import output_unit
from flipflop.core.nets.weights import BESIDE_EVENTS, Net, ReadOut, initial_nets, initial_read_out
from flipflop.core.result import EarlyStop, History, TrainingSummary
from flipflop.core.training.block import Block, Runs
from flipflop.core.training.chunks import EventStreams
from flipflop.core.training.learners import Learners
from flipflop.core.worlds.base import make_world, streams

Floats = NDArray[np.floating]
LONGEST_CHUNK = 1000  # time steps from one look at progress and checkpoint to the next: 0.1 to 0.4 s
# What is summed up over time steps, a column each.
PAIN, LOSS, RIGHT, ASKED, STEPS = range(5)


class StreamBlock(Block):
    """A block that learns on streams: pairs of nets, and what its runs have shown so far."""

    counts_in = "environment step"

    def __init__(self, configs: Sequence[Config]) -> None:
        super().__init__(configs)
        first, R = configs[0], len(configs)
        generators = [streams(config.seed) for config in configs]
        inputs = len(make_world([first.env], first.dtype).channels) + BESIDE_EVENTS
        of_C, of_M = [own.controller for own in generators], [own.world_model for own in generators]
        controller = initial_nets(of_C, [config.controller for config in configs], inputs, first.dtype)
        world_model = initial_nets(of_M, [config.world_model for config in configs], inputs, first.dtype)
        theta = controller.theta
        self.size = theta.shape[1]  # of a controller without further read-outs
        if output_unit(first.controller.output).read_outs > 1:
            drawn = [initial_read_out(own, config.controller) for own, config in zip(of_C, configs, strict=True)]
            further = np.stack([np.concatenate([one.output_bias[None], one.output]) for one in drawn])
            theta = np.concatenate([theta, further.astype(first.dtype)], axis=1)
        self._shapes = controller, world_model

        self.streams = EventStreams(configs, generators)
        self.learners = Learners(configs, theta, world_model.theta)
        # What the learners have, of all runs: those that were let go, as they were then.
        self.all: dict[str, Floats] = {name: array.copy() for name, array in self.learners.arrays().items()}
        self.since_check, self.since_kept = np.zeros((2, R, 5))  # sums over time steps
        every = first.history.every
        self.pain, self.loss, self.accuracy = np.full((3, R, self.steps // every if every else 0), np.nan)
        self.finish_setup()

    @property
    def controller(self) -> Net:  # type: ignore[override]
        """The controllers of all runs as they act by their mean, without further read-outs."""
        return self._shapes[0].like(np.ascontiguousarray(self.all["controller"][:, : self.size]))

    @property
    def world_model(self) -> Net:  # type: ignore[override]
        """The world models of all runs."""
        return self._shapes[1].like(self.all["world_model"])

    def prepare(self) -> None:
        """See Block.prepare: skip what was drawn before the checkpoint, and gather the runs that still learn."""
        if self.done:
            self.streams.skip(self.done)
            self.runs = np.zeros(0, int)  # of which none is like what the learners have
            self.let_go(np.flatnonzero((self.diverged_at == 0) & (self.stopped_at == 0)))

    def advance(self) -> tuple[Floats, Floats]:
        """Go some time steps along the streams; means are NaN for runs that were let go."""
        N = self.until(LONGEST_CHUNK) - self.done
        R, dtype = len(self.runs), self.configs[0].dtype
        drawn = self.streams.draw(self.runs, N)
        actions, pain, predicted = np.empty((3, R, N), dtype)
        for t in range(N):
            lived = self.learners.step(self.done + t, drawn, t)
            actions[:, t : t + 1], pain[:, t : t + 1], predicted[:, t : t + 1] = lived
        self.done += N
        for name, array in self.learners.arrays().items():
            self.all[name][self.runs] = array

        desired = drawn.desired.T
        asked = np.ones((R, N), bool) if drawn.asked is None else drawn.asked.T != 0
        error = np.square(predicted - pain) / 2
        seen = np.stack([pain, error, correct(actions, desired) & asked, asked, np.ones((R, N))], axis=1, dtype=float)
        of_stretch = np.zeros((len(self.configs), 5))
        for sums in (self.since_check, self.since_kept, of_stretch):
            sums[self.runs] = added(sums[self.runs], seen)
        every = self.configs[0].history.every
        if every and self.done % every == 0:
            for rows, mean in zip((self.pain, self.loss, self.accuracy), means(self.since_kept), strict=True):
                rows[self.runs, self.done // every - 1] = mean[self.runs]
            self.since_kept[...] = 0
        mean_pain, _, accuracy = means(of_stretch)
        return mean_pain, accuracy

    def tested(self, runs: Runs) -> Runs:
        """See Block.tested: only where C has begun to learn."""
        return runs[self.warmup[runs] < self.done]

    def check(self) -> None:
        """See Block.check."""
        super().check()
        self.since_check[self.runs] = 0

    def losses_are_finite(self) -> NDArray[np.bool_]:
        """See Block.losses_are_finite."""
        return np.asarray(np.isfinite(self.since_check).all(axis=1))

    def let_go(self, runs: Runs) -> None:
        """Go on with these runs alone, from where they are."""
        if len(runs) == len(self.runs) or not runs.size:
            self.runs = runs
            return
        self.runs = runs
        self.learners = Learners(
            [self.configs[run] for run in runs], self.all["controller"][runs], self.all["world_model"][runs]
        )
        for name, array in self.learners.arrays().items():
            array[...] = self.all[name][runs]

    def learned(self) -> dict[str, Floats]:
        """See Block.learned."""
        kept = self.done // (self.configs[0].history.every or self.steps + 1)
        arrays: dict[str, Any] = {
            **self.all,
            **self.streams.arrays(),
            "since_check": self.since_check,
            "since_kept": self.since_kept,
            "pain_kept": self.pain[:, :kept],
            "loss_kept": self.loss[:, :kept],
            "accuracy_kept": self.accuracy[:, :kept],
        }
        return arrays

    def history(self, run: int) -> History:
        """See Block.history: means over the time steps up to there."""
        return History(*(rows[run].copy() for rows in (self.pain, self.loss, self.accuracy)))

    def summary(self, run: int, end: int) -> TrainingSummary:
        """See Block.summary."""
        method: Any = self.configs[run].method
        warmup = int(self.warmup[run])
        pain, _, accuracy = (float(mean) for mean in means(self.since_check[run]))
        return TrainingSummary(
            is_sound=not self.diverged_at[run],
            steps=end,
            environment_steps_per_step=1,
            solved_at=int(self.checks.solved_at[run]) or None,
            world_model_steps=min(warmup, end) if method.schedule == "model_first" else end,
            controller_steps=max(0, end - warmup),
            environment_steps=end,
            training_accuracy=accuracy,
            training_pain=pain,
            solved_from_reset_at=int(self.checks.solved_from_reset_at[run]) or None,
            early_stop=EarlyStop(int(self.stopped_at[run]) or None) if self.checks.stop_after else None,
        )

    def sigma(self, run: int) -> ReadOut | None:
        """See Block.sigma."""
        further = self.all["controller"][run, self.size :]
        return ReadOut(further[1:].copy(), np.array(further[0])) if further.size else None


def added(sums: Floats, terms: Floats) -> Floats:
    """Sums (R, 5) and further terms (R, 5, N), one after another: the same bits in however many parts they come."""
    total: Floats = np.add.accumulate(np.concatenate([sums[..., None], terms], axis=-1), axis=-1)[..., -1]
    return total


def means(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Pain and accuracy over the asked time steps of (..., 5) sums, and M's loss over all; NaN where there are none."""
    steps = np.where(sums[..., STEPS] > 0, sums[..., STEPS], np.nan)
    asked = np.where(steps > 0, np.maximum(sums[..., ASKED], 1), np.nan)
    right = np.where(sums[..., ASKED] > 0, sums[..., RIGHT], 1)  # nothing asked, nothing wrong
    return sums[..., PAIN] / asked, sums[..., LOSS] / steps, right / asked
