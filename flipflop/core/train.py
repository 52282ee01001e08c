"""Training: runs of equal structure advance together in a block, each bitwise as if it were alone."""

from collections.abc import Sequence

import numpy as np

from flipflop.config.combinations import validate
from flipflop.config.keys import structure
from flipflop.config.schema import Config
from flipflop.core.methods.base import make_block
from flipflop.core.result import RunResult
from flipflop.core.training.block import Checkpoint, OnProgress


def train(
    configs: Sequence[Config], on_progress: OnProgress | None = None, checkpoint: Checkpoint | None = None
) -> list[RunResult]:
    """Train runs that differ only in values, in lock-step.

    Args:
        configs: one per run; their structure must be equal (flipflop.config.structure).
        on_progress: called after every outer step with their number and each run's pain and accuracy, (R,); on a
            stream after many of them, with the means over these.
        checkpoint: where the block's state is kept from time to time, and taken from if there is one.

    Returns:
        One result per config, in order: bitwise the same alone, in any block, in any order and from any checkpoint.

    Raises:
        ConfigError: a config cannot be run.
        ValueError: no configs, or their structures differ.
    """
    if not configs:
        raise ValueError("train needs at least one config")
    for config in configs:
        validate(config)
        if structure(config) != structure(configs[0]):
            raise ValueError("the configs of one block may differ in values only, not in structure")
    # Overflow and NaN are a diverging run's own affair: it is found at the next check, its block-mates never notice.
    with np.errstate(all="ignore"):
        return make_block(configs).train(on_progress, checkpoint)
