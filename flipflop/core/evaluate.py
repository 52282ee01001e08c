"""The fixed test: how well controllers act in episodes that they are not trained on.

It draws nothing from the streams of a run, so that the number of checks does not change training (experiment:
Evaluation and success).
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
TIME_STEPS_AT_ONCE = 2**18  # time steps of all episodes tested together; bounds their memory to a few hundred MB


class Scores(NamedTuple):
    """The outcome of the test of R controllers, (R,) each.

    Accuracy and pain are means over the judged actions (worlds.base.Episodes.asked). An episode without any has
    accuracy 1 and no pain.
    """

    success: NDArray[np.bool_]  # whether at least the share eval.success_fraction of the episodes is solved
    solved_episodes: NDArray[np.integer]  # number of episodes with an accuracy above eval.threshold
    mean_accuracy: Floats
    std_accuracy: Floats  # over episodes, ddof 0
    mean_pain: Floats


class ByLag(NamedTuple):
    """Counts of judged actions by lag, in the bins 0, 1, 2-3, 4-7, 8-15, ...; (R, bins) each.

    The lag is what World.lags says, in the page's world the number of time steps since the last A or B.
    """

    correct: NDArray[np.integer]  # number of judged actions that are correct
    steps: NDArray[np.integer]  # number of judged actions


class Evaluation:
    """A test of R controllers: its episodes and the buffers to act in them."""

    def __init__(self, configs: Sequence[Config], length: int | None = None, from_reset: bool = False) -> None:
        """Draw the episodes.

        Args:
            configs: of the R runs of a block.
            length: of an episode in time steps, without its burn-in; None: eval.episode_length.
            from_reset: leave out the burn-in. In a burn-in of eval.burn_in time steps C acts but is not scored.
        """
        first, self.configs = configs[0], configs
        self.settings, self.dtype = first.eval, first.dtype
        self.make_cell = cell_maker(first.controller.cell)
        self.length = self.settings.episode_length if length is None else length
        self.burn_in = 0 if from_reset else self.settings.burn_in
        self.world = make_world([evaluation_world(config) for config in configs], self.dtype)
        B, T = self.settings.episodes, self.burn_in + self.length
        seed = self.settings.burn_in_seed if self.burn_in else self.settings.seed
        # One episode after another from one generator; all runs have the same uniforms.
        uniforms = np.random.default_rng(seed).random((B, T)).T
        drawn = self.world.draw(np.broadcast_to(uniforms, (1, len(configs), T, B)))
        self.drawn = Episodes(*(None if array is None else array[0] for array in drawn))  # type: ignore[arg-type]
        self.rollout: Rollout | None = None  # reused by the next check if it tests as many runs

    def __call__(self, controllers: Net, runs: NDArray[np.integer]) -> Scores:
        """Test the controllers of some runs of the block.

        Args:
            controllers: of all runs of the block.
            runs: indices of the runs to test, (R',).

        Returns:
            Their scores, (R',) each.
        """
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
        """Return counts by lag for the last call, which must have tested all runs; None if the world has no lag."""
        lags = self.world.lags(self.drawn.events)
        if lags is None:
            return None
        # The bin is the exponent e of lag = m 2^e with 1/2 <= m < 1, and 0 for lag 0.
        _, bins = np.frexp(lags[:, self.burn_in :])
        R, number = len(bins), bins_of_lags(self.burn_in + self.length)
        bins += number * np.arange(R)[:, None, None]
        asked = self.drawn.asked
        is_asked = np.ones(bins.shape, bool) if asked is None else asked[:, self.burn_in :] != 0
        is_correct = correct(self.acted.actions, self.drawn.desired[:, self.burn_in :])
        counted = (is_correct & is_asked, is_asked)
        return ByLag(*(np.bincount(bins[where], minlength=R * number).reshape(R, number) for where in counted))

    def extra_metrics(self, names: Sequence[str]) -> dict[str, list[float]]:
        """Return these metrics, one number per run, for the last call, which must have tested all runs."""
        drawn = [None if array is None else array[:, self.burn_in :] for array in self.drawn]
        _, desired, asked = drawn
        computed: dict[str, list[float]] = {}
        for name in names:
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
    """Return the number of bins of lags in episodes of this length; the largest possible lag is the length."""
    return length.bit_length() + 1


class FinalEvaluation(NamedTuple):
    """The final evaluation of R runs."""

    scores: Scores  # in episodes of eval.episode_length
    at_lengths: dict[int, Scores]  # in episodes of each of eval.lengths
    by_lag: ByLag | None  # in the longest of all these; None if the world has no lag
    from_reset: Scores | None  # in the test without burn-in; None if the test has none
    extra_metrics: dict[str, list[float]]  # by name, in episodes of eval.episode_length, one number per run


class _Test(NamedTuple):
    """The outcome of one test."""

    scores: Scores
    by_lag: ByLag | None
    extra_metrics: dict[str, list[float]]


def evaluate_finally(configs: Sequence[Config], controllers: Net) -> FinalEvaluation:
    """Return the final evaluation of a block: at all lengths and, if the test has a burn-in, also without it.

    Args:
        configs: of the R runs.
        controllers: R nets.
    """
    settings = configs[0].eval
    lengths = sorted({settings.episode_length, *settings.lengths})
    tested = {length: _test(configs, controllers, length) for length in lengths}
    main = tested[settings.episode_length]
    return FinalEvaluation(
        main.scores,
        {length: tested[length].scores for length in settings.lengths},
        tested[lengths[-1]].by_lag,
        _test(configs, controllers, settings.episode_length, True).scores if settings.burn_in else None,
        main.extra_metrics,
    )


def _test(configs: Sequence[Config], controllers: Net, length: int, from_reset: bool = False) -> _Test:
    """Return the outcome of one test; in long episodes only a few runs are tested at a time."""
    settings = configs[0].eval
    time_steps = (settings.burn_in * (not from_reset) + length) * settings.episodes
    at_once = max(1, TIME_STEPS_AT_ONCE // time_steps)
    scores, lags = [], []
    extra_metrics: dict[str, list[float]] = {name: [] for name in settings.metrics}
    for first in range(0, len(configs), at_once):
        slice_of_runs = configs[first : first + at_once]
        indices = np.arange(len(slice_of_runs))
        evaluation = Evaluation(slice_of_runs, length, from_reset)
        scores.append(evaluation(controllers.select(first + indices), indices))
        if (by_lag := evaluation.by_lag()) is not None:
            lags.append(by_lag)
        for name, numbers in evaluation.extra_metrics(settings.metrics).items():
            extra_metrics[name] += numbers
    return _Test(
        Scores(*map(np.concatenate, zip(*scores, strict=True))),
        ByLag(*map(np.concatenate, zip(*lags, strict=True))) if lags else None,
        extra_metrics,
    )
