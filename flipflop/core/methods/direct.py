"""The upper bound: C learns from the true gradient of its pain, which the page's C never sees, without M."""

from dataclasses import dataclass

from flipflop import parts
from flipflop.config import schema
from flipflop.config.combinations import Combination
from flipflop.core.noise import StepNoise
from flipflop.core.training.draws import Batch
from flipflop.core.training.episodic import EpisodicBlock


@dataclass(kw_only=True)
class DirectKnobs(schema.Method):
    """Direct learning has no knobs."""


@parts.method("direct", DirectKnobs)
class DirectBlock(EpisodicBlock):
    """One outer step updates C by back-propagation through time of the world's own pain."""

    has_world_model = False
    combinations = (
        Combination(
            lambda config: True,
            "world_model.ensemble",
            lambda number: number == 1,
            "1 with method=direct, which has no world model",
        ),
    )

    def outer_step(self, k: int, batch: Batch, noise: StepNoise) -> None:
        """See EpisodicBlock.outer_step."""
        acted = self.act(k, batch, noise)
        self.controller_step(k, acted, self.world.pain_gradient(acted.actions, batch.controller), noise)
