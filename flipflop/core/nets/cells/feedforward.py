"""Hidden units without recurrent weights: what such a net remembers is what it sees."""

from flipflop import parts
from flipflop.core.nets.cells.elman import Elman, ElmanKnobs


class FeedforwardKnobs(ElmanKnobs):
    """Knobs of hidden units without recurrent weights."""


@parts.cell("feedforward", FeedforwardKnobs)
class Feedforward(Elman):
    """The Elman cell without h_{t-1}."""

    sees_state = (False,)
