"""What a learning method is: a block of runs in training, its knobs, and what it can be combined with."""

from collections.abc import Sequence

from flipflop import parts
from flipflop.config.schema import Config
from flipflop.core.training.block import Block


def make_block(configs: Sequence[Config]) -> Block:
    """Make the block that trains some runs by their method."""
    block: Block = parts.get("method", configs[0].method.name).make(configs)
    return block
