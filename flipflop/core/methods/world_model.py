"""The method of the page: C learns by back-propagating predicted pain through M, whose weights are held fixed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from flipflop import parts
from flipflop.config import schema
from flipflop.config.combinations import Combination
from flipflop.config.rules import BelowOne, Count, Rule, Steps, one_of, or_null
from flipflop.config.schema import Config
from flipflop.core.acting import act
from flipflop.core.learning.bptt import member_mean, predicted_pain_gradient, world_model_gradient
from flipflop.core.noise import ActionNoise, Exploration, StepNoise
from flipflop.core.training.draws import Batch
from flipflop.core.training.episodic import EpisodicBlock
from flipflop.core.worlds.base import Episodes

Floats = NDArray[np.floating]

RandomFraction = Annotated[
    float | None, or_null(Rule("a number above 0 and below 1", lambda share: 0 < share < 1), "other data than mixed")
]


@dataclass(kw_only=True)
class WorldModelKnobs(schema.Method):
    """Knobs of learning through a world model."""

    credit: Annotated[str, one_of("one_step", "full")]
    schedule: Annotated[str, one_of("concurrent", "model_first")]
    warmup_steps: Steps
    rollouts_per_step: Count
    data: Annotated[str, one_of("random", "on_policy", "mixed")]
    random_fraction: RandomFraction
    exploration_fraction: BelowOne


@parts.method("world_model", WorldModelKnobs)
class WorldModelBlock(EpisodicBlock):
    """A block whose outer steps update M, then C through the updated M, by back-propagation through time."""

    combinations = (
        Combination(
            lambda config: config.method.data == "random",  # type: ignore[attr-defined]
            "method.exploration_fraction",
            lambda share: share == 0,
            "0 with method.data=random, where all actions that M learns from are uniform",
        ),
        Combination(
            lambda config: config.method.data == "mixed",  # type: ignore[attr-defined]
            "method.random_fraction",
            lambda share: share is not None,
            "a number with method.data=mixed",
        ),
        Combination(
            lambda config: config.method.data != "mixed",  # type: ignore[attr-defined]
            "method.random_fraction",
            lambda share: share is None,
            lambda config: f"null with method.data={config.method.data}",  # type: ignore[attr-defined]
        ),
    )

    def __init__(self, configs: Sequence[Config]) -> None:
        self.knobs: WorldModelKnobs = configs[0].method  # type: ignore[assignment]
        super().__init__(configs)
        B = configs[0].regime.episodes_per_step
        self.random = self.world_model_rollout(B * self.rollouts)
        self.imagined = self.world_model_rollout(B)
        self.acted_for_world_model = self.controller_rollout(self.exploration.episodes)

    @property
    def rollouts(self) -> int:
        """See EpisodicBlock.rollouts."""
        return self.knobs.rollouts_per_step

    @property
    def exploration(self) -> Exploration:
        """See EpisodicBlock.exploration."""
        knobs = self.knobs
        episodes = self.configs[0].regime.episodes_per_step * self.rollouts if knobs.data != "random" else 0
        return Exploration(episodes, knobs.random_fraction or 0.0, knobs.exploration_fraction)

    def outer_step(self, k: int, batch: Batch, noise: StepNoise) -> None:
        """See EpisodicBlock.outer_step.

        C is updated in the runs whose warm-up is over. With method.schedule=model_first M is updated only in the
        warm-up; its loss is reported in all outer steps.
        """
        M = self.world_model
        drawn, actions = self.world_model_data(batch, noise.world_model)
        losses = world_model_gradient(M, self.random, self.world, drawn, actions, self.world_model_gradient)
        self.loss[:, k] = member_mean(losses, len(self.configs))
        learns = np.repeat(k < self.warmup, self.K) if self.knobs.schedule == "model_first" else None
        self.descend(self.world_model_optimiser, self.world_model_gradient, self.world_model_mask, learns)

        acted = self.act(k, batch, noise)
        if k >= self.warmup.min():
            dpain = predicted_pain_gradient(M, self.imagined, self.acted, acted, self.knobs.credit)
            self.controller_step(k, acted, dpain, noise)

    def world_model_data(self, batch: Batch, noise: ActionNoise | None) -> tuple[Episodes, Floats]:
        """Return M's episodes and the actions in them (R*K, T, B_M), the same for all K models of a run."""
        drawn, actions = batch.world_model, batch.actions
        if noise is not None:
            noise = noise._replace(replacement=batch.actions)
            actions = act(self.controller, self.acted_for_world_model, self.world, drawn, noise).actions
        if self.K == 1:
            return drawn, actions
        events, desired, actions = (np.repeat(array, self.K, axis=0) for array in (*drawn[:2], actions))
        asked = None if drawn.asked is None else np.repeat(drawn.asked, self.K, axis=0)
        return Episodes(events, desired, asked), actions
