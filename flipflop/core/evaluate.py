"""The fixed test of a controller: does it latch on episodes it never trained on?

It draws nothing from a run's streams, so that checking more often changes no result.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.config.keys import evaluation_world
from flipflop.config.schema import Config
from flipflop.core.acting import RolloutOutcome, accuracy_of, act, correct, mean_pain
from flipflop.core.nets.cells.kinds import kind_of
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import Net
from flipflop.core.reductions import mean_per_run
from flipflop.core.worlds import latch

Floats = NDArray[np.floating]
TIME_STEPS_AT_ONCE = 2**18  # of the episodes of any length: bounds their memory to a few hundred MB


class Scores(NamedTuple):
    """How R controllers did, (R,) each; an episode is solved if its accuracy exceeds eval.threshold.

    Accuracy and pain are means over the steps at which the world asks (base.Episodes.asked). An episode in which it
    never does counts as wholly right and painless.
    """

    success: NDArray[np.bool_]  # enough episodes solved: at least eval.success_fraction of them
    solved_episodes: NDArray[np.integer]
    mean_accuracy: Floats
    std_accuracy: Floats  # over episodes, ddof 0
    mean_pain: Floats


class ByLag(NamedTuple):
    """How R controllers did by the time steps since the last A or B: 0, 1, 2-3, 4-7, 8-15, ...; counts, (R, bins)."""

    correct: NDArray[np.integer]  # of these steps, those with the action on the latch's side of one half
    steps: NDArray[np.integer]  # at which the world asks


class Evaluation:
    """The evaluation episodes of R runs and the buffers to act in them."""

    def __init__(self, configs: Sequence[Config], length: int | None = None, from_reset: bool = False) -> None:
        """Draw the episodes, of eval.episode_length or another length after eval.burn_in steps.

        The controller lives through a burn-in as through any step, but is not scored in it. `from_reset`: without one.
        """
        first = configs[0]
        self.settings, self.dtype = first.eval, first.dtype
        self.kind = kind_of(first.controller.cell, first.controller.activation)
        self.length = self.settings.episode_length if length is None else length
        self.burn_in = 0 if from_reset else self.settings.burn_in
        worlds = [evaluation_world(config) for config in configs]
        B, T = self.settings.episodes, self.burn_in + self.length
        seed = self.settings.burn_in_seed if self.burn_in else self.settings.seed
        # One episode after another from one generator: the same uniforms for every run, read with its probabilities.
        uniforms = np.random.default_rng(seed).random((B, T)).T
        batch = latch.episodes(
            np.broadcast_to(uniforms, (1, len(configs), T, B)),
            latch.thresholds(worlds),
            self.dtype,
            worlds[0].min_lag,
            worlds[0].pain_at,
        )
        self.events, self.desired = batch.events[0], batch.desired[0]
        self.asked = None if batch.asked is None else batch.asked[0]
        self.rollout: Rollout | None = None  # kept from check to check while as many runs are unsolved

    def __call__(self, controllers: Net, runs: NDArray[np.integer]) -> Scores:
        """Score the controllers of `runs` (indices into the block), gathered into a batch of their own."""
        controllers = controllers.select(runs)
        B, T = self.settings.episodes, self.burn_in + self.length
        if self.rollout is None or len(self.rollout.S) != len(runs):
            self.rollout = Rollout(len(runs), T, B, controllers.V.shape[1] - 1, self.dtype, self.kind)
        desired = self.desired[runs]
        asked = None if self.asked is None else self.asked[runs]
        acted = act(controllers, self.rollout, self.events[runs], desired, asked)
        self.acted = RolloutOutcome(*(array[:, self.burn_in :] for array in acted))
        desired = desired[:, self.burn_in :]
        asked = None if asked is None else asked[:, self.burn_in :]

        accuracy = accuracy_of(self.acted.actions, desired, asked, axis=1)  # (R, B)
        solved = (accuracy > self.settings.threshold).sum(axis=1)
        return Scores(
            success=solved / B >= self.settings.success_fraction,
            solved_episodes=solved,
            mean_accuracy=mean_per_run(accuracy),
            std_accuracy=np.sqrt(mean_per_run(np.square(accuracy - mean_per_run(accuracy)[:, None]))),
            mean_pain=mean_pain(self.acted.pain, asked),
        )

    def by_lag(self) -> ByLag:
        """How the controllers did by lag, all of them at the last call."""
        lags = latch.lags(self.events[..., :2].any(axis=-1))[:, self.burn_in :]
        bins = np.frexp(lags)[1]  # the exponent e of lag = m 2^e, m from 1/2 to below 1; that of 0 is 0
        R, number = len(bins), bins_of_lags(self.burn_in + self.length)
        bins += number * np.arange(R)[:, None, None]
        asked = np.ones(bins.shape, bool) if self.asked is None else self.asked[:, self.burn_in :] != 0
        right = correct(self.acted.actions, self.desired[:, self.burn_in :])
        return ByLag(*(np.bincount(bins[of], minlength=R * number).reshape(R, number) for of in (right & asked, asked)))


def bins_of_lags(length: int) -> int:
    """How many bins of lags there are in episodes of a length: the last step's lag may be as long as the episode."""
    return length.bit_length() + 1


class FinalEvaluation(NamedTuple):
    """How R runs did at their end."""

    scores: Scores  # of eval.episode_length
    at_lengths: dict[int, Scores]  # of each of eval.lengths
    by_lag: ByLag  # of the longest of all these
    from_reset: Scores | None  # without the burn-in; None if there is none


def evaluate_finally(configs: Sequence[Config], controllers: Net) -> FinalEvaluation:
    """The final evaluation of a block, at all lengths and, after a burn-in, from reset too."""
    settings = configs[0].eval
    lengths = sorted({settings.episode_length, *settings.lengths})
    tested = {length: _in_parts(configs, controllers, length) for length in lengths}
    return FinalEvaluation(
        tested[settings.episode_length][0],
        {length: tested[length][0] for length in settings.lengths},
        tested[lengths[-1]][1],
        _in_parts(configs, controllers, settings.episode_length, True)[0] if settings.burn_in else None,
    )


def _in_parts(
    configs: Sequence[Config], controllers: Net, length: int, from_reset: bool = False
) -> tuple[Scores, ByLag]:
    """The outcome of one test; of long episodes a few runs at a time."""
    settings = configs[0].eval
    time_steps = (settings.burn_in * (not from_reset) + length) * settings.episodes
    at_once = max(1, TIME_STEPS_AT_ONCE // time_steps)
    scores, lags = [], []
    for first in range(0, len(configs), at_once):
        slice_of_runs = configs[first : first + at_once]
        here = np.arange(len(slice_of_runs))
        evaluation = Evaluation(slice_of_runs, length, from_reset)
        scores.append(evaluation(controllers.select(first + here), here))
        lags.append(evaluation.by_lag())
    return (
        Scores(*map(np.concatenate, zip(*scores, strict=True))),
        ByLag(*map(np.concatenate, zip(*lags, strict=True))),
    )
