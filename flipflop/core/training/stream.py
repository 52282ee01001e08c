"""Training on one endless stream: both nets learn at every time step, by real-time recurrent learning.

The closest reading of the 1990 algorithm (experiment: The 1990 reading); an outer step is one time step. The nets are
never reset. From time to time they are tested, and runs that have diverged or need no more training are let go: the
others go on without them, each bitwise as if it were alone.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.acting import correct
from flipflop.core.evaluate import ByLag, FinalEvaluation, evaluate_finally
from flipflop.core.nets.outputs import OUTPUTS
from flipflop.core.nets.weights import Net, ReadOut, initial_nets, initial_read_out
from flipflop.core.result import (
    DIVERGED_WEIGHT,
    EarlyStop,
    History,
    RunResult,
    Snapshots,
    TrainingSummary,
    metrics_of,
)
from flipflop.core.training.block import Checkpoint, OnProgress, State, room_for_snapshots
from flipflop.core.training.checks import Checks
from flipflop.core.training.chunks import EventStreams
from flipflop.core.training.learners import Learners
from flipflop.core.worlds.base import streams

Floats = NDArray[np.floating]
LONGEST_STRETCH = 1000  # time steps from one look at progress and checkpoint to the next: 0.1 to 0.4 s


# What is summed up over a stretch, a column each.
PAIN, LOSS, RIGHT, ASKED, STEPS = range(5)


class OnlineBlock:
    """The state of a block in training: pairs, streams, and what its runs have shown so far."""

    def __init__(self, configs: Sequence[Config]) -> None:
        self.configs = configs
        first, R = configs[0], len(configs)
        self.steps, self.every = first.regime.steps, first.eval.every
        generators = [streams(config.seed) for config in configs]
        of_C, of_M = [own.controller for own in generators], [own.world_model for own in generators]
        theta = initial_nets(of_C, [config.controller for config in configs], first.dtype).theta
        world_models = initial_nets(of_M, [config.world_model for config in configs], first.dtype)
        self.size = theta.shape[1]  # of a controller without further read-outs
        if OUTPUTS[first.controller.output].read_outs > 1:
            drawn = [initial_read_out(own, config.controller) for own, config in zip(of_C, configs, strict=True)]
            further = np.stack([np.concatenate([one.output_bias[None], one.output]) for one in drawn])
            theta = np.concatenate([theta, further.astype(first.dtype)], axis=1)

        self.streams = EventStreams(configs, generators)
        self.checks = Checks(configs)
        self.done = 0  # time steps
        self.runs: NDArray[np.integer] = np.arange(R)  # those that still learn
        self.learners = Learners(configs, theta, world_models.theta)
        # What the learners have, of all runs: those that were let go, as they were then.
        self.all: dict[str, Floats] = {name: array.copy() for name, array in self.learners.arrays().items()}
        self.diverged_at, self.stopped_at = np.zeros((2, R), int)  # the outer step of the check that found so; 0: none
        self.since_check, self.since_kept = np.zeros((2, R, 5))  # sums over time steps
        every = first.history.every
        self.pain, self.loss, self.accuracy = np.full((3, R, self.steps // every if every else 0), np.nan)
        self.snapshots = room_for_snapshots(first, R, (self.size, world_models.theta.shape[1]))
        self.warmup = np.array([config.method.warmup_steps for config in configs])

    @property
    def controllers(self) -> Net:
        """The controllers of all runs as they act by their mean, without further read-outs."""
        theta = np.ascontiguousarray(self.all["controller"][:, : self.size])
        return Net.of(theta, hidden=self.configs[0].controller.hidden)

    def train(self, on_progress: OnProgress | None = None, checkpoint: Checkpoint | None = None) -> list[RunResult]:
        """Go along the streams to their end, or until no run needs to, with checks, and evaluate finally."""
        if checkpoint is not None and (state := checkpoint.load()) is not None:
            self.resume(state)
        else:
            self.take_snapshot()
        while self.done < self.steps and self.runs.size:
            pain, accuracy = self.stretch(self.until() - self.done)
            self.take_snapshot()
            if on_progress is not None:
                on_progress(self.done, pain, accuracy)
            if self.done % self.every == 0 and self.done < self.steps:
                self.check()
            if checkpoint is not None:
                checkpoint.offer(self.state)
        return self.finish()

    def until(self) -> int:
        """The next time step after which there may be something to do: the same for a run in any block."""
        first = self.configs[0]
        intervals = (LONGEST_STRETCH, self.every, first.history.every, first.snapshots.every)
        return min(self.steps, *((self.done // every + 1) * every for every in intervals if every))

    def stretch(self, N: int) -> tuple[Floats, Floats]:
        """Go N time steps along the streams; mean pain and accuracy of each run in them, NaN for those let go."""
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

    def take_snapshot(self) -> None:
        """Keep the weights as they are now, if it is time to."""
        for kept, thetas in zip(self.snapshots, (self.controllers, self.world_models), strict=False):
            at, is_between = divmod(self.done, self.configs[0].snapshots.every)
            if not is_between:
                kept[self.runs, at] = thetas.theta[self.runs]

    @property
    def world_models(self) -> Net:
        """The world models of all runs."""
        return Net.of(self.all["world_model"], hidden=self.configs[0].world_model.hidden)

    def check(self) -> None:
        """Find the runs that have diverged, test the others, and let go of those that need no more training."""
        self.find_diverged()
        sound = self.runs[self.diverged_at[self.runs] == 0]
        self.checks(self.done, self.controllers, sound[self.warmup[sound] < self.done])  # where C has begun to learn
        stopped = self.checks.stop(sound)
        self.stopped_at[sound[stopped]] = self.done
        self.go_on(sound[~stopped])
        self.since_check[self.runs] = 0

    def find_diverged(self) -> None:
        """Note which of the runs that still learn have diverged."""
        nets = (self.all["controller"], self.all["world_model"])
        largest = np.maximum(*(np.abs(theta[self.runs]).max(axis=1) for theta in nets))
        sound = np.isfinite(self.since_check[self.runs]).all(axis=1) & (largest <= DIVERGED_WEIGHT)
        self.diverged_at[self.runs[~sound]] = self.done

    def go_on(self, runs: NDArray[np.integer]) -> None:
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

    def state(self) -> State:
        """All that the rest of the training depends on: each run's row of every array, and the time steps done."""
        return {"done": np.array(self.done)} | {name: array.copy() for name, array in self._arrays().items()}

    def resume(self, state: State) -> None:
        """Go on from a state of these runs."""
        self.done = int(state["done"])
        for name, array in self._arrays().items():
            array[...] = state[name]
        self.streams.skip(self.done)
        self.runs = np.zeros(0, int)  # of which none is like what the learners have
        self.go_on(np.flatnonzero((self.diverged_at == 0) & (self.stopped_at == 0)))

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        """What changes as training goes on; the random numbers follow from the seed and the time steps done."""
        kept = self.done // (self.configs[0].history.every or self.steps + 1)
        return {
            **self.all,
            "latch": self.streams.past.latch,
            "lag": self.streams.past.lag,
            "since_check": self.since_check,
            "since_kept": self.since_kept,
            "pain_kept": self.pain[:, :kept],
            "loss_kept": self.loss[:, :kept],
            "accuracy_kept": self.accuracy[:, :kept],
            **self.checks.arrays(),
            "diverged_at": self.diverged_at,
            "stopped_at": self.stopped_at,
            **{f"snapshots_{i}": kept for i, kept in enumerate(self.snapshots)},
        }

    def finish(self) -> list[RunResult]:
        """The last check, for every run whether it was let go before or not, and the results."""
        self.find_diverged()
        final = evaluate_finally(self.configs, self.controllers)
        return [self.result(run, final) for run in range(len(self.configs))]

    def result(self, run: int, final: FinalEvaluation) -> RunResult:
        """One run's share of the block."""
        config = self.configs[run]
        diverged_at, stopped_at = (int(at[run]) or None for at in (self.diverged_at, self.stopped_at))
        end, warmup = diverged_at or stopped_at or self.steps, config.method.warmup_steps
        pain, _, accuracy = (float(mean) for mean in means(self.since_check[run]))
        course = TrainingSummary(
            is_sound=diverged_at is None,
            steps=end,
            environment_steps_per_step=1,
            solved_at=int(self.checks.solved_at[run]) or None,
            world_model_steps=min(warmup, end) if config.method.schedule == "model_first" else end,
            controller_steps=max(0, end - warmup),
            environment_steps=end,
            training_accuracy=accuracy,
            training_pain=pain,
            solved_from_reset_at=int(self.checks.solved_from_reset_at[run]) or None,
            early_stop=EarlyStop(stopped_at) if config.eval.stop_after else None,
        )
        nets = self.controllers, self.world_models
        pairs = list(zip(nets, self.snapshots, strict=False))
        further = self.all["controller"][run, self.size :]
        return RunResult(
            metrics_of(config, course, final, run),
            History(*(rows[run].copy() for rows in (self.pain, self.loss, self.accuracy))),
            nets[0].weights(run),
            nets[1].weights(run),
            ByLag(*(counts[run] * (diverged_at is None) for counts in final.by_lag)),
            Snapshots(*(net.stacked(kept[run]) for net, kept in pairs)) if pairs else None,
            diverged_at,
            ReadOut(further[1:].copy(), np.array(further[0])) if further.size else None,
        )


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
