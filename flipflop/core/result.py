"""What a run leaves: its outcome in numbers, its course, and its weights."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.evaluate import ByLag, FinalEvaluation
from flipflop.core.nets.weights import ReadOut, Weights

Floats = NDArray[np.floating]

RESULTS_VERSION = 2  # bumped when a change makes the same config give other numbers: it is part of every run's key
DIVERGED_WEIGHT = 1e6  # a |weight| beyond this has left every regime in which a sigmoid net computes anything


@dataclass(frozen=True)
class Metrics:
    """A run in numbers: None for what a diverged run has not, and for the steps to solve of a censored one."""

    success: bool
    ever_solved: bool
    solved_episodes: int
    episodes: int
    mean_accuracy: float | None
    std_accuracy: float | None
    mean_pain: float | None
    steps_to_solve: int | None
    environment_steps_to_solve: int | None
    environment_steps: int
    world_model_environment_steps: int
    controller_environment_steps: int
    training_accuracy: float | None
    training_pain: float | None
    at_lengths: dict[int, "AtLength"]  # of eval.lengths
    from_reset: "FromReset | None" = None  # with eval.burn_in
    early_stop: "EarlyStop | None" = None  # with method.stop_after
    further: dict[str, float | None] = field(default_factory=dict)  # eval.metrics by name

    def by_name(self) -> dict[str, float | int | None]:
        """Every number by one name: those of another length as mean_accuracy_at_1000, without burn-in _from_reset."""
        parts = ("at_lengths", "from_reset", "early_stop", "further")
        numbers = {name: value for name, value in vars(self).items() if name not in parts}
        for length, scores in self.at_lengths.items():
            numbers |= {f"{name}_at_{length}": value for name, value in scores._asdict().items()}
        if self.from_reset is not None:
            numbers |= {f"{name}_from_reset": value for name, value in self.from_reset._asdict().items()}
        return numbers | (self.early_stop._asdict() if self.early_stop else {}) | self.further


class TrainingSummary(NamedTuple):
    """How one run's training went, beside its final evaluation."""

    is_sound: bool  # it has not diverged
    steps: int  # outer steps until its end
    environment_steps_per_step: int
    solved_at: int | None  # the outer step of the first successful check before the end
    world_model_steps: int  # environment steps that M learned from
    controller_steps: int  # likewise C
    environment_steps: int
    training_accuracy: float
    training_pain: float
    solved_from_reset_at: int | None = None
    early_stop: "EarlyStop | None" = None


def metrics_of(config: Config, course: TrainingSummary, final: FinalEvaluation, run: int) -> Metrics:
    """A run's metrics, from its training and its place in the final evaluation of its block."""
    scores, is_sound = final.scores, course.is_sound

    def first(solved_at: int | None, success: bool) -> int | None:
        return solved_at or (course.steps if success else None)

    def if_sound(number: float | np.floating) -> float | None:
        return float(number) if is_sound else None

    success = bool(scores.success[run]) and is_sound
    solved_at = first(course.solved_at, success)
    from_reset = None
    if (other := final.from_reset) is not None:
        solves = bool(other.success[run]) and is_sound
        from_reset = FromReset(
            solves,
            int(other.solved_episodes[run]) if is_sound else 0,
            if_sound(other.mean_accuracy[run]),
            if_sound(other.mean_pain[run]),
            first(course.solved_from_reset_at, solves),
        )
    return Metrics(
        success=success,
        ever_solved=solved_at is not None,
        solved_episodes=int(scores.solved_episodes[run]) if is_sound else 0,
        episodes=config.eval.episodes,
        mean_accuracy=if_sound(scores.mean_accuracy[run]),
        std_accuracy=if_sound(scores.std_accuracy[run]),
        mean_pain=if_sound(scores.mean_pain[run]),
        steps_to_solve=solved_at,
        environment_steps_to_solve=None if solved_at is None else course.environment_steps_per_step * solved_at,
        environment_steps=course.environment_steps,
        world_model_environment_steps=course.world_model_steps,
        controller_environment_steps=course.controller_steps,
        training_accuracy=if_sound(course.training_accuracy),
        training_pain=if_sound(course.training_pain),
        at_lengths={
            length: AtLength(
                int(of.solved_episodes[run]) if is_sound else 0,
                if_sound(of.mean_accuracy[run]),
                if_sound(of.mean_pain[run]),
            )
            for length, of in final.at_lengths.items()
        },
        from_reset=from_reset,
        early_stop=course.early_stop,
        further={name: if_sound(numbers[run]) for name, numbers in final.further.items()},
    )


class AtLength(NamedTuple):
    """The final evaluation's outcome in episodes of another length: it has no part in the run's success."""

    solved_episodes: int
    mean_accuracy: float | None
    mean_pain: float | None


class FromReset(NamedTuple):
    """The outcome of the test that begins with nets at rest, beside the one after a burn-in, which decides success."""

    success: bool
    solved_episodes: int
    mean_accuracy: float | None
    mean_pain: float | None
    steps_to_solve: int | None  # at the first check, or the end, that it solves this test


class EarlyStop(NamedTuple):
    """Whether a run ended because it had solved the test at method.stop_after checks in a row."""

    stopped_at: int | None  # the outer step of the last of these checks; None: it went on to its end


@dataclass(frozen=True)
class History:
    """What training saw at outer steps k, 2k, ... with k = history.every, (steps // k,) each.

    Each is taken before the update of its outer step; on a stream, where an outer step is one time step, it is the mean
    over the k steps up to there. From a divergence or an early stop on it is NaN. With k = 0 nothing is kept.
    """

    pain: Floats  # mean over the controller's episodes
    world_model_loss: Floats  # 1/2 mean squared error of predicted pain, on what M learns from
    accuracy: Floats  # of the controller's episodes


class Snapshots(NamedTuple):
    """Both nets after outer steps 0, k, 2k, ... with k = snapshots.every: each array has these as its first axis."""

    controller: Weights
    world_model: Weights


@dataclass(frozen=True)
class RunResult:
    """One run: its outcome in numbers, its history, and the weights it ended with."""

    metrics: Metrics
    history: History
    controller: Weights
    world_model: Weights  # of an ensemble, each array with its members as its first axis, after that of snapshots
    by_lag: ByLag | None  # at the final evaluation, of its longest episodes, (bins,) each; 0 for a diverged run
    snapshots: Snapshots | None  # None with snapshots.every = 0; NaN from a divergence or an early stop on
    diverged_at: int | None  # the check, as an outer step, at which it was found to have diverged
    controller_sigma: ReadOut | None = None  # the second read-out of a mean_sigma unit

    @property
    def status(self) -> str:
        """`ok` or `diverged`."""
        return "ok" if self.diverged_at is None else "diverged"
