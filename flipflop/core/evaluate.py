"""The fixed test of a controller: does it latch on episodes it never trained on?

It draws nothing from a run's streams, so that checking more often changes no result.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.config import Config
from flipflop.core import env
from flipflop.core.act import act, correct
from flipflop.core.nets import Net, Rollout, mean_per_run

Floats = NDArray[np.floating]


class Scores(NamedTuple):
    """How R controllers did, (R,) each; an episode is solved if its accuracy exceeds eval.threshold."""

    success: NDArray[np.bool_]  # enough episodes solved: at least eval.success_fraction of them
    solved_episodes: NDArray[np.integer]
    mean_accuracy: Floats
    std_accuracy: Floats  # over episodes, ddof 0
    mean_pain: Floats


class Evaluation:
    """The evaluation episodes of R runs and the buffers to act in them."""

    def __init__(self, configs: Sequence[Config]) -> None:
        self.settings, self.dtype, self.cell = configs[0].eval, configs[0].dtype, configs[0].controller.cell
        B, T = self.settings.episodes, self.settings.episode_length
        # One episode after another from one generator: the same uniforms for every run, read with its probabilities.
        uniforms = np.random.default_rng(self.settings.seed).random((B, T)).T
        upper = env.thresholds([config.env for config in configs])
        batch = env.episodes(np.broadcast_to(uniforms, (1, len(configs), T, B)), upper, self.dtype)
        self.events, self.desired = batch.events[0], batch.desired[0]
        self.rollout: Rollout | None = None  # kept from check to check while as many runs are unsolved

    def __call__(self, controllers: Net, runs: NDArray[np.integer]) -> Scores:
        """Score the controllers of `runs` (indices into the block), gathered into a batch of their own."""
        controllers = controllers.select(runs)
        B, T = self.settings.episodes, self.settings.episode_length
        if self.rollout is None or len(self.rollout.S) != len(runs):
            self.rollout = Rollout(len(runs), T, B, controllers.V.shape[1] - 1, self.dtype, self.cell)
        desired = self.desired[runs]
        acted = act(controllers, self.rollout, self.events[runs], desired)

        accuracy = correct(acted.actions, desired).mean(axis=1)  # (R, B): counts over T, exact in any order
        solved = (accuracy > self.settings.threshold).sum(axis=1)
        return Scores(
            success=solved / B >= self.settings.success_fraction,
            solved_episodes=solved,
            mean_accuracy=mean_per_run(accuracy),
            std_accuracy=np.sqrt(mean_per_run(np.square(accuracy - mean_per_run(accuracy)[:, None]))),
            mean_pain=mean_per_run(acted.pain),
        )
