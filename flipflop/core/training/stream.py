"""Training on an endless stream: both nets learn at every time step, by real-time recurrent learning.

An outer step is one time step, and the nets are never reset (experiment: The 1990 reading). After a check the block
drops the runs that have diverged or have stopped early. The others are trained on, each bitwise as if it were alone.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.acting import correct
from flipflop.core.nets.outputs.base import output_unit
from flipflop.core.nets.weights import BESIDE_EVENTS, Net, ReadOut, initial_nets, initial_read_out
from flipflop.core.result import EarlyStop, History, TrainingSummary
from flipflop.core.training.block import Block, Runs
from flipflop.core.training.chunks import EventStreams, StreamChunk, stream_knobs
from flipflop.core.training.learners import Learners
from flipflop.core.worlds.base import Streams, make_world, streams

Floats = NDArray[np.floating]
LONGEST_CHUNK = 1000  # time steps between two reports of progress, which takes 0.1 to 0.4 s
# Columns of sums over time steps: pain, M's loss, and the numbers of correct actions, judged actions and time steps.
PAIN, LOSS, CORRECT, ASKED, STEPS = range(5)


class StreamBlock(Block):
    """A block that learns on streams, with its nets and the sums from which pain, loss and accuracy are reported."""

    counts_in = "environment step"

    def __init__(self, configs: Sequence[Config]) -> None:
        super().__init__(configs)
        first, R = configs[0], len(configs)
        generators = [streams(config.seed) for config in configs]
        inputs = len(make_world([first.env], first.dtype).channels) + BESIDE_EVENTS
        controller = initial_nets(
            [run.controller for run in generators], [config.controller for config in configs], inputs, first.dtype
        )
        world_model = initial_nets(
            [run.world_model for run in generators], [config.world_model for config in configs], inputs, first.dtype
        )
        self._initial = controller, world_model
        self.size = controller.theta.shape[1]  # weights of a controller without its second read-out
        theta = controller.theta
        if output_unit(first.controller.output).read_outs > 1:
            theta = np.concatenate([theta, _second_read_outs(configs, generators)], axis=1)

        self.streams = EventStreams(configs, generators)
        self.learners = Learners(configs, theta, world_model.theta)
        # The arrays of the learners for all runs of the block; a row of a dropped run keeps its last values.
        self.kept: dict[str, Floats] = {name: array.copy() for name, array in self.learners.arrays().items()}
        self.since_check, self.since_history = np.zeros((2, R, 5))  # (R, 5), since the last check and history entry
        every = first.history.every
        self.pain, self.loss, self.accuracy = np.full((3, R, self.steps // every if every else 0), np.nan)
        self.finish_setup()

    @property
    def controller(self) -> Net:  # type: ignore[override]
        """Return the controllers of all runs, without their second read-out."""
        return self._initial[0].like(np.ascontiguousarray(self.kept["controller"][:, : self.size]))

    @property
    def world_model(self) -> Net:  # type: ignore[override]
        """Return the world models of all runs."""
        return self._initial[1].like(self.kept["world_model"])

    def prepare(self) -> None:
        """See Block.prepare: after a checkpoint, skip the random numbers used and set up the runs that still learn."""
        if self.done:
            self.streams.skip(self.done)
            self.runs = np.zeros(0, int)  # so that let_go makes the learners anew, from `kept`
            self.let_go(np.flatnonzero((self.diverged_at == 0) & (self.stopped_at == 0)))

    def advance(self) -> tuple[Floats, Floats]:
        """See Block.advance: do several time steps; the means of dropped runs are NaN."""
        N = self.until(LONGEST_CHUNK) - self.done
        R, dtype = len(self.runs), self.configs[0].dtype
        drawn = self.streams.draw(self.runs, N)
        actions, pain, predicted = np.empty((3, R, N), dtype)
        for t in range(N):
            outcome = self.learners.step(self.done + t, drawn, t)
            actions[:, t : t + 1], pain[:, t : t + 1], predicted[:, t : t + 1] = outcome
        self.done += N
        for name, array in self.learners.arrays().items():
            self.kept[name][self.runs] = array

        return self._report(drawn, actions, pain, predicted)

    def _report(self, drawn: StreamChunk, actions: Floats, pain: Floats, predicted: Floats) -> tuple[Floats, Floats]:
        """Add a chunk of time steps, (R, N) each, to the sums and the history; return its mean pain and accuracy."""
        R, N = pain.shape
        desired = drawn.desired.T
        asked = np.ones((R, N), bool) if drawn.asked is None else drawn.asked.T != 0
        error = np.square(predicted - pain) / 2
        terms = np.stack([pain, error, correct(actions, desired) & asked, asked, np.ones((R, N))], axis=1, dtype=float)
        of_chunk = np.zeros((len(self.configs), 5))
        for sums in (self.since_check, self.since_history, of_chunk):
            sums[self.runs] = added(sums[self.runs], terms)
        every = self.configs[0].history.every
        if every and self.done % every == 0:
            for rows, mean in zip((self.pain, self.loss, self.accuracy), means(self.since_history), strict=True):
                rows[self.runs, self.done // every - 1] = mean[self.runs]
            self.since_history[...] = 0
        mean_pain, _, accuracy = means(of_chunk)
        return mean_pain, accuracy

    def runs_to_test(self, runs: Runs) -> Runs:
        """See Block.runs_to_test: the runs in which C has begun to learn."""
        return runs[self.warmup[runs] < self.done]

    def check(self) -> None:
        """See Block.check."""
        super().check()
        self.since_check[self.runs] = 0

    def losses_are_finite(self) -> NDArray[np.bool_]:
        """See Block.losses_are_finite."""
        return np.asarray(np.isfinite(self.since_check).all(axis=1))

    def let_go(self, runs: Runs) -> None:
        """See Block.let_go: from now on the learners have these runs only."""
        if len(runs) == len(self.runs) or not runs.size:
            self.runs = runs
            return
        self.runs = runs
        self.learners = Learners(
            [self.configs[run] for run in runs], self.kept["controller"][runs], self.kept["world_model"][runs]
        )
        for name, array in self.learners.arrays().items():
            array[...] = self.kept[name][runs]

    def learned(self) -> dict[str, Floats]:
        """See Block.learned."""
        kept = self.done // (self.configs[0].history.every or self.steps + 1)
        return {
            **self.kept,
            **self.streams.arrays(),
            "since_check": self.since_check,
            "since_kept": self.since_history,
            "pain_kept": self.pain[:, :kept],
            "loss_kept": self.loss[:, :kept],
            "accuracy_kept": self.accuracy[:, :kept],
        }

    def history(self, run: int) -> History:
        """See Block.history; each number is a mean over history.every time steps."""
        return History(*(rows[run].copy() for rows in (self.pain, self.loss, self.accuracy)))

    def summary(self, run: int, end: int) -> TrainingSummary:
        """See Block.summary."""
        schedule = stream_knobs(self.configs[run]).schedule
        warmup = int(self.warmup[run])
        pain, _, accuracy = (float(mean) for mean in means(self.since_check[run]))
        return TrainingSummary(
            is_sound=not self.diverged_at[run],
            steps=end,
            environment_steps_per_step=1,
            solved_at=int(self.checks.solved_at[run]) or None,
            world_model_steps=min(warmup, end) if schedule == "model_first" else end,
            controller_steps=max(0, end - warmup),
            environment_steps=end,
            training_accuracy=accuracy,
            training_pain=pain,
            solved_from_reset_at=int(self.checks.solved_from_reset_at[run]) or None,
            early_stop=EarlyStop(int(self.stopped_at[run]) or None) if self.checks.stop_after else None,
        )

    def sigma(self, run: int) -> ReadOut | None:
        """See Block.sigma."""
        weights = self.kept["controller"][run, self.size :]
        return ReadOut(weights[1:].copy(), np.array(weights[0])) if weights.size else None


def _second_read_outs(configs: Sequence[Config], generators: Sequence[Streams]) -> Floats:
    """Draw the second read-out of every controller: (R, 1 + H), bias and weights."""
    drawn = [
        initial_read_out(run.controller, config.controller) for run, config in zip(generators, configs, strict=True)
    ]
    return np.stack([np.concatenate([each.output_bias[None], each.output]) for each in drawn]).astype(configs[0].dtype)


def added(sums: Floats, terms: Floats) -> Floats:
    """Return sums (R, 5) plus N terms (R, 5, N), added one after another.

    The result has the same bits however the terms are divided among several calls.
    """
    total: Floats = np.add.accumulate(np.concatenate([sums[..., None], terms], axis=-1), axis=-1)[..., -1]
    return total


def means(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Return mean pain, M's mean loss and the accuracy (...) from sums (..., 5); NaN without any time step.

    Pain and accuracy are per judged action, the loss is per time step. Without judged actions the accuracy is 1.
    """
    steps = np.where(sums[..., STEPS] > 0, sums[..., STEPS], np.nan)
    asked = np.where(steps > 0, np.maximum(sums[..., ASKED], 1), np.nan)
    number_correct = np.where(sums[..., ASKED] > 0, sums[..., CORRECT], 1)
    return sums[..., PAIN] / asked, sums[..., LOSS] / steps, number_correct / asked
