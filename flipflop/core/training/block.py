"""The base of all training: a block of runs in lock-step, its checks, its state on disk and its results.

A learning method is a subclass (flipflop.core.methods). It advances the runs by some outer steps at a time; everything
else is here: progress, snapshots, checks for success and divergence, checkpoints, and what each run leaves.
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
    """Keeps a block's state while it trains, so that a process that dies does not take all of its work along."""

    def load(self) -> State | None:
        """Return the state to go on from, of the same configs in the same order; None to begin."""

    def offer(self, take: Callable[[], State]) -> None:
        """Take and keep the state, if it is time to; called at least every few hundred ms."""


class Block(ABC):
    """R runs of equal structure in training."""

    counts_in: ClassVar[str] = "outer step"  # what a run counts its training in; the other: "environment step"
    has_world_model: ClassVar[bool] = True  # whether M learns; if not, it is drawn and left as it is
    # The nets of a method, set by the subclass before `finish_setup`: R controllers without further read-outs, and the
    # world models of all runs, those of an ensemble side by side.
    controller: Net
    world_model: Net

    def __init__(self, configs: Sequence[Config]) -> None:
        """Set up what all methods share; a subclass makes nets, optimisers and streams, then calls `finish_setup`."""
        self.configs = configs
        self.steps, self.every = configs[0].regime.steps, configs[0].eval.every
        R = len(configs)
        self.done = 0  # outer steps
        self.runs: Runs = np.arange(R)  # those that still learn
        self.warmup = np.array([getattr(config.method, "warmup_steps", 0) for config in configs])
        self.checks = Checks(configs, getattr(configs[0].method, "stop_after", None))
        self.diverged_at, self.stopped_at = np.zeros((2, R), int)  # the outer step of the check that found so; 0: none

    def finish_setup(self) -> None:
        """Make room for snapshots and for the weights of runs that diverge, now that the nets are there."""
        weights = self.weights()
        self.diverged = {name: np.zeros_like(theta) for name, theta in weights.items()}  # as they were at that check
        every, R, dtype = self.configs[0].snapshots.every, len(self.configs), self.configs[0].dtype
        shape = (R, 1 + self.steps // every) if every else (R, 0)
        self.snapshots = {name: np.full((*shape, t.shape[1]), np.nan, dtype) for name, t in weights.items()}

    # What a method is: these, and `controller` and `world_model`.

    @abstractmethod
    def advance(self) -> tuple[Floats, Floats]:
        """Do at least one outer step, at most up to `until`, and count it in `done`.

        Returns each run's pain and accuracy (R,) in these steps, for the progress bar.
        """

    @abstractmethod
    def losses_are_finite(self) -> NDArray[np.bool_]:
        """Return whether each run's losses since the last check are finite (R,)."""

    @abstractmethod
    def history(self, run: int) -> History:
        """Return a run's history at the outer steps that history.every asks for."""

    @abstractmethod
    def summary(self, run: int, end: int) -> TrainingSummary:
        """Return how the training of a run went that ended after `end` outer steps."""

    @abstractmethod
    def learned(self) -> dict[str, Floats]:
        """Return every array that changes as the runs learn, a row per run: the arrays themselves, not copies."""

    def prepare(self) -> None:
        """Make ready to go on from `done`: called once, before the first step and after a checkpoint is loaded."""

    def let_go(self, runs: Runs) -> None:
        """Go on with these runs alone; a method may instead train all to the end, which changes no number."""

    def sigma(self, run: int) -> ReadOut | None:
        """Return the second read-out of a run's controller, if it has one."""
        return None

    # What all methods share.

    def weights(self) -> dict[str, Floats]:
        """Return the weights of both nets, a row per run."""
        R = len(self.configs)
        return {"controller": self.controller.theta, "world_model": self.world_model.theta.reshape(R, -1)}

    def train(self, on_progress: OnProgress | None = None, checkpoint: Checkpoint | None = None) -> list[RunResult]:
        """Run all outer steps with their checks, and the final evaluation."""
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
        """Return the next outer step after which there may be something to do: the same for a run in any block."""
        first = self.configs[0]
        intervals = (longest, self.every, first.history.every, first.snapshots.every)
        return min(self.steps, *((self.done // every + 1) * every for every in intervals if every))

    def take_snapshot(self) -> None:
        """Keep the weights as they are now, if it is time to."""
        every = self.configs[0].snapshots.every
        if every and self.done % every == 0:
            for name, theta in self.weights().items():
                self.snapshots[name][self.runs, self.done // every] = theta[self.runs]

    def state(self) -> State:
        """Return all that the rest of the training depends on: each run's row of every array, and `done`."""
        return {"done": np.array(self.done)} | {name: array.copy() for name, array in self._arrays().items()}

    def resume(self, state: State) -> None:
        """Go on from a state of these runs."""
        self.done = int(state["done"])
        arrays = self._arrays()
        if arrays.keys() != state.keys() - {"done"}:
            apart = sorted(arrays.keys() ^ (state.keys() - {"done"}))
            raise ValueError(f"a checkpoint must have the arrays of its block, one of them has no {', '.join(apart)}")
        for name, array in arrays.items():
            array[...] = state[name]

    def _arrays(self) -> State:
        """What changes as training goes on; random numbers follow from the seed and the outer steps done."""
        return {
            **self.learned(),
            **self.checks.arrays(),
            "diverged_at": self.diverged_at,
            "stopped_at": self.stopped_at,
            **{f"diverged.{name}": theta for name, theta in self.diverged.items()},
            **{f"snapshots.{name}": kept for name, kept in self.snapshots.items()},
        }

    def check(self) -> None:
        """Find the runs that have diverged, test the others, and let go of those that need no more training."""
        self.find_diverged()
        sound = self.runs[self.diverged_at[self.runs] == 0]
        self.checks(self.done, self.controller, self.tested(sound))
        stopped = self.checks.stop(sound)
        self.stopped_at[sound[stopped]] = self.done
        self.let_go(sound[~stopped])

    def tested(self, runs: Runs) -> Runs:
        """Return those of the runs that are tested at a check."""
        return runs

    def find_diverged(self) -> None:
        """Keep the weights of runs found diverged at this check; their history ends here."""
        weights = self.weights()
        largest = np.maximum(*(np.abs(theta).max(axis=1) for theta in weights.values()))
        sound = self.losses_are_finite() & (largest <= DIVERGED_WEIGHT)  # a NaN is not <= anything
        found = np.zeros(len(sound), bool)
        found[self.runs] = ~sound[self.runs] & (self.diverged_at[self.runs] == 0)
        self.diverged_at[found] = self.done
        for name, theta in weights.items():
            self.diverged[name][found] = theta[found]

    def finish(self) -> list[RunResult]:
        """The last check, for every run whether it solved before or not, and the results."""
        self.find_diverged()
        final = evaluate_finally(self.configs, self.controller)
        return [self.result(run, final) for run in range(len(self.configs))]

    def result(self, run: int, final: FinalEvaluation) -> RunResult:
        """One run's share of the block."""
        config = self.configs[run]
        diverged_at, stopped_at = (int(at[run]) or None for at in (self.diverged_at, self.stopped_at))
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
