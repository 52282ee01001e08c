"""Hidden units without recurrent weights: a net of them has no memory except by its inputs."""

from flipflop import parts
from flipflop.core.nets.cells.elman import Elman, ElmanKnobs


class FeedforwardKnobs(ElmanKnobs):
    """Knobs of hidden units without recurrent weights."""


@parts.cell("feedforward", FeedforwardKnobs)
class Feedforward(Elman):
    """The Elman cell whose z does not depend on h_{t-1}."""

    sees_state = (False,)
