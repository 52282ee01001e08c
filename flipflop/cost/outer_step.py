"""The data movement of one outer step, counted by running it on traced numbers.

Counted are all operations of `EpisodicBlock.outer_step` (flipflop.core.training.episodic) on numbers that depend on
weights or data, in float64 whatever the dtype. They include products with the zero states before the first time step
and M's loss, but not the reports of C's mean pain and accuracy, from which nothing is learned.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipflop.config.keys import counts_in, with_settings
from flipflop.config.rules import ConfigError
from flipflop.config.schema import Config
from flipflop.core import acting
from flipflop.core.learning import bptt
from flipflop.core.methods.base import make_block
from flipflop.core.methods.world_model import WorldModelBlock
from flipflop.core.training.episodic import EpisodicBlock
from flipflop.cost.stack import Integers, Reads, cost, reads
from flipflop.cost.trace import Objects, Trace

M_FORWARD, M_BACKWARD, C_ROLLOUT, CREDIT, C_BACKWARD, UPDATES = PHASES = (
    "M forward",
    "M backward",
    "C rollout",
    "credit through M",
    "C backward",
    "updates",
)

# The phase of an operation is given by the outermost of these functions in which it is done.
_OUTERMOST: dict[CodeType, str] = {
    WorldModelBlock.world_model_data.__code__: M_FORWARD,
    bptt.world_model_gradient.__code__: M_BACKWARD,
    acting.act.__code__: C_ROLLOUT,
    bptt.predicted_pain_gradient.__code__: CREDIT,
    bptt.controller_gradient.__code__: C_BACKWARD,
    EpisodicBlock.descend.__code__: UPDATES,
}

# Within them these functions have a phase of their own: the forward pass of M when M learns.
_WITHIN = {acting.predict.__code__: M_FORWARD}


@dataclass(frozen=True)
class Price:
    """The data movement of one outer step."""

    reads: int  # number of reads
    deepest: int  # the largest depth of a read
    total: dict[int, int]  # the cost, by bytes per number
    phases: dict[str, int]  # the cost at 1 byte per number, by phase
    warmup: dict[int, int]  # the cost of an outer step in the warm-up, in which only M learns, by bytes per number

    def solution(self, steps: float, warmup_steps: int, width: int = 1) -> float:
        """Return the cost of this number of outer steps, of which the first `warmup_steps` are the warm-up."""
        alone = min(steps, warmup_steps)
        return self.warmup[width] * alone + self.total[width] * (steps - alone)


WIDTHS = (1, 8)  # bytes per number: ByteDMD's own default, and float64's


def price(config: Config) -> Price:
    """Return the data movement of one outer step of a run in which both nets learn.

    Raises:
        ConfigError: the method has no such outer steps, or the trace cannot follow its operations.
    """
    if counts_in(config) == "environment step":
        raise ConfigError(
            f"method={config.method.name} cannot be priced: it has no outer steps of episodes, so that method must be "
            "world_model or direct"
        )
    trace, results, begins = traced(config)
    alone = read = reads(trace, results)
    ends = begins
    if getattr(config.method, "schedule", None) == "model_first":  # M learns in the warm-up only
        warmup_trace, warmup_results, ends = traced(config, warmup_steps=1)
        alone = reads(warmup_trace, warmup_results)
    return Price(
        reads=len(read.depths),
        deepest=int(read.depths.max()),
        total={width: int(cost(read.depths, width).sum()) for width in WIDTHS},
        phases=_shares(trace, read),
        warmup={width: int(cost(alone.depths[alone.operations < ends], width).sum()) for width in WIDTHS},
    )


def _shares(trace: Trace, read: Reads) -> dict[str, int]:
    """Return the cost of each phase at 1 byte per number."""
    costs: Integers = cost(read.depths)
    ends = np.searchsorted(read.operations, [*trace.starts[1:], len(trace.left)])
    shares = dict.fromkeys(PHASES, 0)
    for phase, part in zip(trace.phases, np.split(costs, ends[:-1]), strict=True):
        shares[phase] += int(part.sum())
    return shares


def traced(config: Config, warmup_steps: int = 0) -> tuple[Trace, Objects, int]:
    """Return the trace of one outer step, its results, and the index of its first operation after M's update.

    The results are the weights and moments after the outer step.
    """
    block, trace = step(config, warmup_steps)
    results = np.concatenate([array.ravel() for array in learned(block)])
    begins = trace.starts[trace.phases.index(C_ROLLOUT)]
    return trace, results, begins


def step(config: Config, warmup_steps: int = 0) -> tuple[EpisodicBlock, Trace]:
    """Return a block of one run after its first outer step on traced numbers, and the trace.

    The inputs are, from the top of the stack: the episodes, M with its moments, C with its moments. With method=direct
    there is no M.

    Raises:
        ConfigError: the trace cannot follow the operations.
    """
    single = with_settings(config, {"regime.steps": 1, "snapshots.every": 0})
    if hasattr(config.method, "warmup_steps"):
        single = with_settings(single, {"method.warmup_steps": warmup_steps})
    block = make_block([with_settings(single, {"dtype": "object"})])
    assert isinstance(block, EpisodicBlock)
    block.pain, block.loss = block.pain.astype(object), block.loss.astype(object)

    drawn = next(block.draws([single]))
    data, weights = list(_arrays(drawn)), learned(block)
    trace = Trace()
    laid_down = trace.lay_down(*data, *weights)
    for array, objects in zip(weights, laid_down[len(data) :], strict=True):
        array[...] = objects
    batch, noise = _replaced(drawn, iter(laid_down))

    trace.phase = None
    try:
        with phases(trace, type(block.world).pain_gradient.__code__):
            block.outer_step(0, batch, noise)
    except TypeError as error:
        raise ConfigError(
            f"this run cannot be priced, its outer step does what no trace can follow: {error}"
        ) from error
    return block, trace


def learned(block: EpisodicBlock) -> list[NDArray[Any]]:
    """Return the weights and moments that the outer steps of a block change, M's first."""
    pairs = [(block.controller, block.controller_optimiser)]
    if block.has_world_model:
        pairs.insert(0, (block.world_model, block.world_model_optimiser))
    arrays: list[NDArray[Any]] = []
    for net, optimiser in pairs:
        arrays += [net.theta, *(array for array in optimiser.state().values() if array.ndim > 1)]
    return arrays


def _arrays(tree: Any) -> Iterator[NDArray[np.floating]]:
    """Yield the arrays of floating-point numbers in nested named tuples."""
    if isinstance(tree, tuple):
        for branch in tree:
            yield from _arrays(branch)
    elif isinstance(tree, np.ndarray) and tree.dtype.kind == "f":
        yield tree


def _replaced(tree: Any, arrays: Iterator[Objects]) -> Any:
    """Return nested named tuples with these arrays in place of theirs, in the order of `_arrays`."""
    if isinstance(tree, tuple):
        branches = [_replaced(branch, arrays) for branch in tree]
        return tree._make(branches) if hasattr(tree, "_make") else tuple(branches)
    return next(arrays) if isinstance(tree, np.ndarray) and tree.dtype.kind == "f" else tree


@contextmanager
def phases(trace: Trace, pain_gradient: CodeType | None = None) -> Iterator[None]:
    """Set the phase of a trace, while the context is open, by the functions of the core that are running.

    Args:
        trace: whose phase is set.
        pain_gradient: the function of the world that belongs to C's backward pass; None: there is none.
    """
    callers: list[str | None] = []
    outermost = _OUTERMOST if pain_gradient is None else {**_OUTERMOST, pain_gradient: C_BACKWARD}

    def watch(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if code not in outermost and code not in _WITHIN:
            return
        if event == "call":
            callers.append(trace.phase)
            if trace.phase is not None and code in _WITHIN:
                trace.phase = _WITHIN[code]
            elif trace.phase is None:
                trace.phase = outermost.get(code)
        elif event == "return":
            trace.phase = callers.pop()

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(before)
