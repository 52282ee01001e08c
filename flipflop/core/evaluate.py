"""The fixed test of a controller: does it latch on episodes it never trained on?

It draws nothing from a run's streams, so that checking more often changes no result.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop import parts
from flipflop.config.keys import evaluation_world
from flipflop.config.schema import Config
from flipflop.core.acting import RolloutOutcome, accuracy_of, act, correct, mean_pain
from flipflop.core.nets.cells.base import cell_maker
from flipflop.core.nets.rollout import Rollout
from flipflop.core.nets.weights import Net
from flipflop.core.reductions import mean_per_run
from flipflop.core.worlds.base import Episodes, make_world

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
        first, self.configs = configs[0], configs
        self.settings, self.dtype = first.eval, first.dtype
        self.make_cell = cell_maker(first.controller.cell)
        self.length = self.settings.episode_length if length is None else length
        self.burn_in = 0 if from_reset else self.settings.burn_in
        self.world = make_world([evaluation_world(config) for config in configs], self.dtype)
        B, T = self.settings.episodes, self.burn_in + self.length
        seed = self.settings.burn_in_seed if self.burn_in else self.settings.seed
        # One episode after another from one generator: the same uniforms for every run, read with its probabilities.
        uniforms = np.random.default_rng(seed).random((B, T)).T
        drawn = self.world.draw(np.broadcast_to(uniforms, (1, len(configs), T, B)))
        self.drawn = Episodes(*(None if array is None else array[0] for array in drawn))  # type: ignore[arg-type]
        self.rollout: Rollout | None = None  # kept from check to check while as many runs are unsolved

    def __call__(self, controllers: Net, runs: NDArray[np.integer]) -> Scores:
        """Score the controllers of `runs` (indices into the block), gathered into a batch of their own."""
        controllers = controllers.select(runs)
        B, T = self.settings.episodes, self.burn_in + self.length
        if self.rollout is None or len(self.rollout.S) != len(runs):
            self.rollout = Rollout(len(runs), T, B, controllers.inputs, controllers.hidden, self.dtype, self.make_cell)
        drawn = Episodes(*(None if array is None else array[runs] for array in self.drawn))  # type: ignore[arg-type]
        acted = act(controllers, self.rollout, self.world, drawn)
        self.acted = RolloutOutcome(*(array[:, self.burn_in :] for array in acted))
        desired = drawn.desired[:, self.burn_in :]
        asked = None if drawn.asked is None else drawn.asked[:, self.burn_in :]

        accuracy = accuracy_of(self.acted.actions, desired, asked, axis=1)  # (R, B)
        solved = (accuracy > self.settings.threshold).sum(axis=1)
        return Scores(
            success=solved / B >= self.settings.success_fraction,
            solved_episodes=solved,
            mean_accuracy=mean_per_run(accuracy),
            std_accuracy=np.sqrt(mean_per_run(np.square(accuracy - mean_per_run(accuracy)[:, None]))),
            mean_pain=mean_pain(self.acted.pain, asked),
        )

    def by_lag(self) -> ByLag | None:
        """How the controllers did by lag, all of them at the last call; None where lag means nothing in the world."""
        lags = self.world.lags(self.drawn.events)
        if lags is None:
            return None
        bins = np.frexp(lags[:, self.burn_in :])[
            1
        ]  # the exponent e of lag = m 2^e, m from 1/2 to below 1; that of 0 is 0
        R, number = len(bins), bins_of_lags(self.burn_in + self.length)
        bins += number * np.arange(R)[:, None, None]
        asked = self.drawn.asked
        is_asked = np.ones(bins.shape, bool) if asked is None else asked[:, self.burn_in :] != 0
        right = correct(self.acted.actions, self.drawn.desired[:, self.burn_in :])
        counted = (right & is_asked, is_asked)
        return ByLag(*(np.bincount(bins[of], minlength=R * number).reshape(R, number) for of in counted))

    def further(self, metrics: Sequence[str]) -> dict[str, list[float]]:
        """Metrics by name, one number a controller, of all of them at the last call."""
        drawn = [None if array is None else array[:, self.burn_in :] for array in self.drawn]
        _, desired, asked = drawn
        computed: dict[str, list[float]] = {}
        for name in metrics:
            metric = parts.get("metric", name).make
            computed[name] = [
                float(
                    metric(
                        RolloutOutcome(self.acted.actions[run], self.acted.pain[run]),
                        desired[run],  # type: ignore[index]
                        None if asked is None else asked[run],
                        config,
                    )
                )
                for run, config in enumerate(self.configs)
            ]
        return computed


def bins_of_lags(length: int) -> int:
    """How many bins of lags there are in episodes of a length: the last step's lag may be as long as the episode."""
    return length.bit_length() + 1


class FinalEvaluation(NamedTuple):
    """How R runs did at their end."""

    scores: Scores  # of eval.episode_length
    at_lengths: dict[int, Scores]  # of each of eval.lengths
    by_lag: ByLag | None  # of the longest of all these; None where lag means nothing in the world
    from_reset: Scores | None  # without the burn-in; None if there is none
    further: dict[str, list[float]]  # eval.metrics by name, of eval.episode_length, one number a run


class _Test(NamedTuple):
    """The outcome of one test."""

    scores: Scores
    by_lag: ByLag | None
    further: dict[str, list[float]]


def evaluate_finally(configs: Sequence[Config], controllers: Net) -> FinalEvaluation:
    """The final evaluation of a block, at all lengths and, after a burn-in, from reset too."""
    settings = configs[0].eval
    lengths = sorted({settings.episode_length, *settings.lengths})
    tested = {length: _in_parts(configs, controllers, length) for length in lengths}
    own = tested[settings.episode_length]
    return FinalEvaluation(
        own.scores,
        {length: tested[length].scores for length in settings.lengths},
        tested[lengths[-1]].by_lag,
        _in_parts(configs, controllers, settings.episode_length, True).scores if settings.burn_in else None,
        own.further,
    )


def _in_parts(configs: Sequence[Config], controllers: Net, length: int, from_reset: bool = False) -> _Test:
    """The outcome of one test; of long episodes a few runs at a time."""
    settings = configs[0].eval
    time_steps = (settings.burn_in * (not from_reset) + length) * settings.episodes
    at_once = max(1, TIME_STEPS_AT_ONCE // time_steps)
    scores, lags = [], []
    further: dict[str, list[float]] = {name: [] for name in settings.metrics}
    for first in range(0, len(configs), at_once):
        slice_of_runs = configs[first : first + at_once]
        here = np.arange(len(slice_of_runs))
        evaluation = Evaluation(slice_of_runs, length, from_reset)
        scores.append(evaluation(controllers.select(first + here), here))
        if (by_lag := evaluation.by_lag()) is not None:
            lags.append(by_lag)
        for name, numbers in evaluation.further(settings.metrics).items():
            further[name] += numbers
    return _Test(
        Scores(*map(np.concatenate, zip(*scores, strict=True))),
        ByLag(*map(np.concatenate, zip(*lags, strict=True))) if lags else None,
        further,
    )
