"""The base class of learning methods: a block of runs that are trained in lock-step.

A learning method is a subclass (flipflop.core.methods) and advances the runs by one or more outer steps at a time. This
class does all else: progress, snapshots, checks for success and divergence, checkpoints and results.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.evaluate import ByLag, FinalEvaluation, evaluate_finally
from flipflop.core.nets.weights import Net, ReadOut
from flipflop.core.result import (
    DIVERGED_WEIGHT,
    History,
    RunResult,
    Snapshots,
    TrainingSummary,
    metrics_of,
)
from flipflop.core.training.checks import Checks

Floats = NDArray[np.floating]
Runs = NDArray[np.integer]

OnProgress = Callable[[int, Floats, Floats], None]
State = dict[str, NDArray[np.generic]]


class Checkpoint(Protocol):
    """A store for the state of a block in training, from which training resumes after a crash."""

    def load(self) -> State | None:
        """Return the stored state, of the same configs in the same order; None if there is none."""

    def offer(self, take: Callable[[], State]) -> None:
        """Store the state that `take` returns if it is time to; called at least every few hundred milliseconds."""


class Block(ABC):
    """R runs of equal structure in training."""

    counts_in: ClassVar[str] = "outer step"  # the unit in which regime.steps counts: "outer step" or "environment step"
    has_world_model: ClassVar[bool] = True  # whether M learns; if not, it keeps its initial weights
    # The subclass sets the nets before it calls `finish_setup`: R controllers with their first read-out only, and the
    # world models of all runs; the models of an ensemble follow one another.
    controller: Net
    world_model: Net

    def __init__(self, configs: Sequence[Config]) -> None:
        """Set up what all methods have in common; a subclass then makes its nets and calls `finish_setup`."""
        self.configs = configs
        self.steps, self.every = configs[0].regime.steps, configs[0].eval.every
        R = len(configs)
        self.done = 0  # number of outer steps done
        self.runs: Runs = np.arange(R)  # indices of the runs that still learn
        self.warmup = np.array([getattr(config.method, "warmup_steps", 0) for config in configs])
        self.checks = Checks(configs, getattr(configs[0].method, "stop_after", None))
        self.diverged_at, self.stopped_at = np.zeros((2, R), int)  # outer steps of checks; 0: none

    def finish_setup(self) -> None:
        """Allocate the arrays for snapshots and for the weights of diverged runs; needs both nets."""
        weights = self.weights()
        self.diverged = {name: np.zeros_like(theta) for name, theta in weights.items()}  # at the check `diverged_at`
        every, R, dtype = self.configs[0].snapshots.every, len(self.configs), self.configs[0].dtype
        shape = (R, 1 + self.steps // every) if every else (R, 0)
        self.snapshots = {name: np.full((*shape, t.shape[1]), np.nan, dtype) for name, t in weights.items()}

    # A method defines the abstract methods, `controller` and `world_model`.

    @abstractmethod
    def advance(self) -> tuple[Floats, Floats]:
        """Do one or more outer steps, not beyond `until`, and add their number to `done`.

        Returns:
            The mean pain and the accuracy of each run in these outer steps, (R,) each, for the progress bar.
        """

    @abstractmethod
    def losses_are_finite(self) -> NDArray[np.bool_]:
        """Return for each run whether all losses since the last check are finite, (R,)."""

    @abstractmethod
    def history(self, run: int) -> History:
        """Return the history of a run; history.every chooses its outer steps."""

    @abstractmethod
    def summary(self, run: int, end: int) -> TrainingSummary:
        """Return the training summary of a run whose training ended after `end` outer steps."""

    @abstractmethod
    def learned(self) -> dict[str, Floats]:
        """Return all arrays that training changes, by name, one row per run; not copies."""

    def prepare(self) -> None:
        """Prepare to advance from outer step `done`; called once, after a checkpoint, if any, has been loaded."""

    def let_go(self, runs: Runs) -> None:
        """Train only these runs from now on.

        By default all runs are trained to the end; the results of the others are not affected.
        """

    def sigma(self, run: int) -> ReadOut | None:
        """Return the second read-out of a run's controller; None if it has none."""
        return None

    # What all methods have in common.

    def weights(self) -> dict[str, Floats]:
        """Return the weights of both nets by name, one row per run."""
        R = len(self.configs)
        return {"controller": self.controller.theta, "world_model": self.world_model.theta.reshape(R, -1)}

    def train(self, on_progress: OnProgress | None = None, checkpoint: Checkpoint | None = None) -> list[RunResult]:
        """Train to the end, with checks, then evaluate; return the result of each run (flipflop.core.train.train)."""
        if checkpoint is not None and (state := checkpoint.load()) is not None:
            self.resume(state)
        else:
            self.take_snapshot()
        self.prepare()
        while self.done < self.steps and self.runs.size:
            pain, accuracy = self.advance()
            self.take_snapshot()
            if on_progress is not None:
                on_progress(self.done, pain, accuracy)
            if self.done % self.every == 0 and self.done < self.steps:
                self.check()
            if checkpoint is not None:
                checkpoint.offer(self.state)
        return self.finish()

    def until(self, longest: int) -> int:
        """Return the outer step up to which `advance` may go: the next one with a check, a history entry or a snapshot.

        It is also at most the next multiple of `longest`.
        """
        first = self.configs[0]
        intervals = (longest, self.every, first.history.every, first.snapshots.every)
        return min(self.steps, *((self.done // every + 1) * every for every in intervals if every))

    def take_snapshot(self) -> None:
        """Store the current weights if snapshots.every asks for this outer step."""
        every = self.configs[0].snapshots.every
        if every and self.done % every == 0:
            for name, theta in self.weights().items():
                self.snapshots[name][self.runs, self.done // every] = theta[self.runs]

    def state(self) -> State:
        """Return a copy of all that the rest of the training depends on: arrays with one row per run, and `done`."""
        return {"done": np.array(self.done)} | {name: array.copy() for name, array in self._arrays().items()}

    def resume(self, state: State) -> None:
        """Set the block to a state that `state` returned for the same runs."""
        self.done = int(state["done"])
        arrays = self._arrays()
        if arrays.keys() != state.keys() - {"done"}:
            apart = sorted(arrays.keys() ^ (state.keys() - {"done"}))
            raise ValueError(f"a checkpoint must have the arrays of its block, one of them has no {', '.join(apart)}")
        for name, array in arrays.items():
            array[...] = state[name]

    def _arrays(self) -> State:
        """Return all arrays that change during training; random numbers follow from the seed and `done`."""
        return {
            **self.learned(),
            **self.checks.arrays(),
            "diverged_at": self.diverged_at,
            "stopped_at": self.stopped_at,
            **{f"diverged.{name}": theta for name, theta in self.diverged.items()},
            **{f"snapshots.{name}": kept for name, kept in self.snapshots.items()},
        }

    def check(self) -> None:
        """Find the runs that have diverged, test the others, and stop training those that need no more."""
        self.find_diverged()
        sound = self.runs[self.diverged_at[self.runs] == 0]
        self.checks(self.done, self.controller, self.runs_to_test(sound))
        stopped = self.checks.may_stop(sound)
        self.stopped_at[sound[stopped]] = self.done
        self.let_go(sound[~stopped])

    def runs_to_test(self, runs: Runs) -> Runs:
        """Return those of the given runs that a check tests."""
        return runs

    def find_diverged(self) -> None:
        """Find the runs that have diverged since the last check, and store their weights."""
        weights = self.weights()
        largest = np.maximum(*(np.abs(theta).max(axis=1) for theta in weights.values()))
        sound = self.losses_are_finite() & (largest <= DIVERGED_WEIGHT)  # False for NaN
        has_diverged = np.zeros(len(sound), bool)
        has_diverged[self.runs] = ~sound[self.runs] & (self.diverged_at[self.runs] == 0)
        self.diverged_at[has_diverged] = self.done
        for name, theta in weights.items():
            self.diverged[name][has_diverged] = theta[has_diverged]

    def finish(self) -> list[RunResult]:
        """Do the final evaluation of all runs and return their results."""
        self.find_diverged()
        final = evaluate_finally(self.configs, self.controller)
        return [self.result(run, final) for run in range(len(self.configs))]

    def result(self, run: int, final: FinalEvaluation) -> RunResult:
        """Return the result of one run from the final evaluation of the block."""
        config = self.configs[run]
        diverged_at, stopped_at = (int(steps[run]) or None for steps in (self.diverged_at, self.stopped_at))
        weights = self.diverged if diverged_at is not None else self.weights()
        nets = {"controller": self.controller, "world_model": self.world_model}
        if diverged_at is not None and config.snapshots.every:
            for kept in self.snapshots.values():
                kept[run, diverged_at // config.snapshots.every + 1 :] = np.nan
        by_lag = final.by_lag
        return RunResult(
            metrics_of(config, self.summary(run, diverged_at or stopped_at or self.steps), final, run),
            self.history(run),
            self.controller.stacked(weights["controller"][run]),
            self.world_model.stacked(weights["world_model"][run]),
            None if by_lag is None else ByLag(*(counts[run] * (diverged_at is None) for counts in by_lag)),
            Snapshots(*(net.stacked(self.snapshots[name][run]) for name, net in nets.items()))
            if config.snapshots.every
            else None,
            diverged_at,
            self.sigma(run),
        )
