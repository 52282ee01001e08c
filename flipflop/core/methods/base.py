"""Learning methods: each is a subclass of Block (training/block.py) that is registered by `parts.method`."""

from collections.abc import Sequence

from flipflop import parts
from flipflop.config.schema import Config
from flipflop.core.training.block import Block


def make_block(configs: Sequence[Config]) -> Block:
    """Make the block that trains these runs by the method of their configs."""
    block: Block = parts.get("method", configs[0].method.name).make(configs)
    return block
