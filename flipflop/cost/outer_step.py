"""The price of one outer step: flipflop.core.episodic's own, on traced numbers.

What is priced is all that `EpisodicBlock.outer_step` does with numbers that depend on weights or data, products with
the zeros of a net's first time step and M's loss included, in double precision whatever the dtype. Telling of C's mean
pain and accuracy is not priced: it teaches nothing.
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


# In which phase an operation is, by the function of the core that it is in: the outermost of these,
_OUTERMOST: dict[CodeType, str] = {
    WorldModelBlock.world_model_data.__code__: M_FORWARD,
    bptt.world_model_gradient.__code__: M_BACKWARD,
    acting.act.__code__: C_ROLLOUT,
    bptt.predicted_pain_gradient.__code__: CREDIT,
    bptt.controller_gradient.__code__: C_BACKWARD,
    EpisodicBlock.descend.__code__: UPDATES,
}


# but what of M's lesson is on the way forward.
_WITHIN = {acting.predict.__code__: M_FORWARD}


@dataclass(frozen=True)
class Price:
    """What one outer step moves."""

    reads: int
    deepest: int  # the greatest depth that is read at
    total: dict[int, int]  # the cost, by bytes per number
    phases: dict[str, int]  # the cost at 1 byte per number, by phase; they sum to the total
    warmup: dict[int, int]  # of M's part alone, which comes first: an outer step of the warm-up

    def solution(self, steps: float, warmup_steps: int, width: int = 1) -> float:
        """What so many outer steps move, M learning alone in those of the warm-up."""
        alone = min(steps, warmup_steps)
        return self.warmup[width] * alone + self.total[width] * (steps - alone)


WIDTHS = (1, 8)  # bytes per number: ByteDMD's own default, and float64's


def price(config: Config) -> Price:
    """Price one outer step of a run in which both nets learn, the first after no warm-up.

    Raises:
        ConfigError: it computes what a trace cannot follow.
    """
    if counts_in(config) == "environment step":
        raise ConfigError(
            f"method={config.method.name} cannot be priced: it has no outer steps of episodes, so that method must be "
            "world_model or direct"
        )
    trace, results, begins = traced(config)
    alone = read = reads(trace, results)
    ends = begins
    if (
        getattr(config.method, "schedule", None) == "model_first"
    ):  # M learns in the warm-up only: an outer step of it is another
        of_warmup, its_results, ends = traced(config, warmup_steps=1)
        alone = reads(of_warmup, its_results)
    return Price(
        reads=len(read.depths),
        deepest=int(read.depths.max()),
        total={width: int(cost(read.depths, width).sum()) for width in WIDTHS},
        phases=_shares(trace, read),
        warmup={width: int(cost(alone.depths[alone.operations < ends], width).sum()) for width in WIDTHS},
    )


def _shares(trace: Trace, read: Reads) -> dict[str, int]:
    costs: Integers = cost(read.depths)
    ends = np.searchsorted(read.operations, [*trace.starts[1:], len(trace.left)])
    shares = dict.fromkeys(PHASES, 0)
    for phase, part in zip(trace.phases, np.split(costs, ends[:-1]), strict=True):
        shares[phase] += int(part.sum())
    return shares


def traced(config: Config, warmup_steps: int = 0) -> tuple[Trace, Objects, int]:
    """One outer step's trace, the weights and moments it leaves, and the operation with which C's part begins."""
    block, trace = step(config, warmup_steps)
    results = np.concatenate([array.ravel() for array in learned(block)])
    begins = trace.starts[trace.phases.index(C_ROLLOUT)]
    return trace, results, begins


def step(config: Config, warmup_steps: int = 0) -> tuple[EpisodicBlock, Trace]:
    """A block of one run after its first outer step on traced numbers.

    Its inputs, from the top of the stack: the episodes drawn, M with its moments, C with its moments. With
    method=direct there is no M.

    Raises:
        ConfigError: it computes what a trace cannot follow.
    """
    single = with_settings(config, {"regime.steps": 1, "snapshots.every": 0})
    if hasattr(config.method, "warmup_steps"):
        single = with_settings(single, {"method.warmup_steps": warmup_steps})
    block = make_block([with_settings(single, {"dtype": "object"})])
    assert isinstance(block, EpisodicBlock)
    block.pain, block.loss = block.pain.astype(object), block.loss.astype(object)

    drawn = next(block.draws([single]))
    data, own = list(_arrays(drawn)), learned(block)
    trace = Trace()
    laid_down = trace.lay_down(*data, *own)
    for array, objects in zip(own, laid_down[len(data) :], strict=True):
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
    """The weights and moments that a block's outer steps change, M's first."""
    pairs = [(block.controller, block.controller_optimiser)]
    if block.has_world_model:
        pairs.insert(0, (block.world_model, block.world_model_optimiser))
    arrays: list[NDArray[Any]] = []
    for net, optimiser in pairs:
        arrays += [net.theta, *(array for array in optimiser.state().values() if array.ndim > 1)]
    return arrays


def _arrays(tree: Any) -> Iterator[NDArray[np.floating]]:
    """The arrays of numbers in nested named tuples; those of truth values are no numbers."""
    if isinstance(tree, tuple):
        for part in tree:
            yield from _arrays(part)
    elif isinstance(tree, np.ndarray) and tree.dtype.kind == "f":
        yield tree


def _replaced(tree: Any, arrays: Iterator[Objects]) -> Any:
    """Nested named tuples with other arrays of numbers, in the order of `_arrays`."""
    if isinstance(tree, tuple):
        parts = [_replaced(part, arrays) for part in tree]
        return tree._make(parts) if hasattr(tree, "_make") else tuple(parts)
    return next(arrays) if isinstance(tree, np.ndarray) and tree.dtype.kind == "f" else tree


@contextmanager
def phases(trace: Trace, pain_gradient: CodeType | None = None) -> Iterator[None]:
    """Tell a trace in which phase its operations are, by the core's function that is running."""
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
