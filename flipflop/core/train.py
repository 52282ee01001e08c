"""Training of runs of equal structure together in a block, each bitwise as if it were trained alone."""

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
    """Train runs of equal structure in lock-step.

    Args:
        configs: one per run; their structure must be equal (flipflop.config.keys.structure).
        on_progress: called with the number of outer steps done and the pain and accuracy of each run, (R,). In episodes
            it is called after every outer step; on a stream after many, with means over these.
        checkpoint: stores the state of the block now and then; if it has a state already, training resumes there.

    Returns:
        One result per config, in order. A result is bitwise the same whether the run is trained alone, in any block,
        in any order or from any checkpoint.

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
    # A diverging run may overflow: the next check finds it, and the other runs of the block are not affected.
    with np.errstate(all="ignore"):
        return make_block(configs).train(on_progress, checkpoint)
