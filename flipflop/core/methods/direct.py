"""Direct learning without M: C learns from the derivative of the true pain, which it could not know.

It bounds what a world model can teach (experiment: Credit).
"""

from dataclasses import dataclass

from flipflop import parts
from flipflop.config import schema
from flipflop.config.combinations import Combination
from flipflop.core.noise import StepNoise
from flipflop.core.training.draws import Batch
from flipflop.core.training.episodic import EpisodicBlock


@dataclass(kw_only=True)
class DirectKnobs(schema.Method):
    """The knobs of direct learning: there are none."""


@parts.method("direct", DirectKnobs)
class DirectBlock(EpisodicBlock):
    """A block whose outer steps update C by back-propagation through time of the true pain."""

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
