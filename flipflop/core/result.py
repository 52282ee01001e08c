"""The result of a run: its metrics, its history and its weights."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.evaluate import ByLag, FinalEvaluation, Scores
from flipflop.core.nets.weights import ReadOut, Weights

Floats = NDArray[np.floating]

RESULTS_VERSION = 2  # part of every run's key; raised by a change after which the same config gives other numbers
DIVERGED_WEIGHT = 1e6  # a run with a larger |weight| has diverged: its sigmoids are saturated beyond use


@dataclass(frozen=True)
class Metrics:
    """The outcome of a run in numbers.

    For a diverged run the numbers of its training and tests are None. steps_to_solve is None if no check was passed.
    """

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
    extra: dict[str, float | None] = field(default_factory=dict)  # those of eval.metrics, by name

    def by_name(self) -> dict[str, float | int | None]:
        """Return all numbers by name, as in mean_accuracy, mean_accuracy_at_1000 and mean_accuracy_from_reset."""
        nested = ("at_lengths", "from_reset", "early_stop", "extra")
        numbers = {name: value for name, value in vars(self).items() if name not in nested}
        for length, scores in self.at_lengths.items():
            numbers |= {f"{name}_at_{length}": value for name, value in scores._asdict().items()}
        if self.from_reset is not None:
            numbers |= {f"{name}_from_reset": value for name, value in self.from_reset._asdict().items()}
        return numbers | (self.early_stop._asdict() if self.early_stop else {}) | self.extra


class TrainingSummary(NamedTuple):
    """The training of one run in numbers, without its final evaluation."""

    is_sound: bool  # whether it has not diverged
    steps: int  # outer steps until its end
    environment_steps_per_step: int
    solved_at: int | None  # the outer step of the first check passed, the end not included; None: there is none
    world_model_steps: int  # environment steps that M learned from
    controller_steps: int  # environment steps that C learned from
    environment_steps: int
    training_accuracy: float
    training_pain: float
    solved_from_reset_at: int | None = None  # as solved_at, for the test without burn-in
    early_stop: "EarlyStop | None" = None


def metrics_of(config: Config, training: TrainingSummary, final: FinalEvaluation, run: int) -> Metrics:
    """Return the metrics of a run from its training and from the final evaluation of its block.

    Args:
        config: of the run.
        training: of the run.
        final: of the block.
        run: index of the run in the block.
    """
    scores, is_sound = final.scores, training.is_sound
    success = bool(scores.success[run]) and is_sound
    solved_at = training.solved_at or (training.steps if success else None)
    return Metrics(
        success=success,
        ever_solved=solved_at is not None,
        solved_episodes=int(scores.solved_episodes[run]) if is_sound else 0,
        episodes=config.eval.episodes,
        mean_accuracy=_if(is_sound, scores.mean_accuracy[run]),
        std_accuracy=_if(is_sound, scores.std_accuracy[run]),
        mean_pain=_if(is_sound, scores.mean_pain[run]),
        steps_to_solve=solved_at,
        environment_steps_to_solve=None if solved_at is None else training.environment_steps_per_step * solved_at,
        environment_steps=training.environment_steps,
        world_model_environment_steps=training.world_model_steps,
        controller_environment_steps=training.controller_steps,
        training_accuracy=_if(is_sound, training.training_accuracy),
        training_pain=_if(is_sound, training.training_pain),
        at_lengths={length: _at_length(at, run, is_sound) for length, at in final.at_lengths.items()},
        from_reset=None if final.from_reset is None else _from_reset(final.from_reset, training, run),
        early_stop=training.early_stop,
        extra={name: _if(is_sound, numbers[run]) for name, numbers in final.extra_metrics.items()},
    )


def _if(is_sound: bool, number: float | np.floating) -> float | None:
    """Return the number of a run that has not diverged, None for one that has."""
    return float(number) if is_sound else None


def _at_length(scores: Scores, run: int, is_sound: bool) -> "AtLength":
    return AtLength(
        int(scores.solved_episodes[run]) if is_sound else 0,
        _if(is_sound, scores.mean_accuracy[run]),
        _if(is_sound, scores.mean_pain[run]),
    )


def _from_reset(scores: Scores, training: TrainingSummary, run: int) -> "FromReset":
    success = bool(scores.success[run]) and training.is_sound
    return FromReset(
        success,
        *_at_length(scores, run, training.is_sound),
        training.solved_from_reset_at or (training.steps if success else None),
    )


class AtLength(NamedTuple):
    """The outcome of the final evaluation in episodes of another length; it does not count towards success."""

    solved_episodes: int
    mean_accuracy: float | None
    mean_pain: float | None


class FromReset(NamedTuple):
    """The outcome of the test without burn-in; the test with burn-in decides success."""

    success: bool
    solved_episodes: int
    mean_accuracy: float | None
    mean_pain: float | None
    steps_to_solve: int | None  # the outer step of the first check, or the end, at which the run passes this test


class EarlyStop(NamedTuple):
    """The end of a run that may stop after method.stop_after passed checks in a row."""

    stopped_at: int | None  # the outer step of the last of these checks; None: the run did not stop early


@dataclass(frozen=True)
class History:
    """The training reports of outer steps k, 2k, ... with k = history.every, (steps // k,) each.

    A number is that before the update of its outer step. On a stream, where an outer step is one time step, it is the
    mean over the k time steps up to and including this one. After a divergence or an early stop the numbers are NaN.
    With k = 0 the arrays are empty.
    """

    pain: Floats  # mean pain in the controller's episodes
    world_model_loss: Floats  # 1/2 the mean squared error of predicted pain, in the episodes that M learns from
    accuracy: Floats  # in the controller's episodes


class Snapshots(NamedTuple):
    """The weights of both nets after outer steps 0, k, 2k, ... (k = snapshots.every), the first axis of each array."""

    controller: Weights
    world_model: Weights


@dataclass(frozen=True)
class RunResult:
    """The result of one run: metrics, history and final weights."""

    metrics: Metrics
    history: History
    controller: Weights
    world_model: Weights  # an ensemble's arrays have a leading axis for its models, after that of snapshots
    by_lag: ByLag | None  # of the longest episodes of the final evaluation, (bins,) each; 0 for a diverged run
    snapshots: Snapshots | None  # None with snapshots.every = 0; NaN after a divergence or an early stop
    diverged_at: int | None  # the outer step of the check that found the divergence; None: there is none
    controller_sigma: ReadOut | None = None  # the second read-out of a mean_sigma output unit

    @property
    def status(self) -> str:
        """Return `ok` or `diverged`."""
        return "ok" if self.diverged_at is None else "diverged"
