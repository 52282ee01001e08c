"""What a solution costs: the price of an outer step, so many times as the runs of a sweep took steps to solve."""

from collections.abc import Sequence
from typing import NamedTuple

from flipflop.config.keys import decisive, flat
from flipflop.config.schema import Config
from flipflop.cost.outer_step import Price
from flipflop.records.grouping import deduplicate
from flipflop.records.record import FINISHED, Record
from flipflop.records.summary import summaries


class Solution(NamedTuple):
    """How the runs of a config did, and what its median run moved until it first passed the test."""

    solved: int  # at some check
    runs: int
    median_steps: float | None  # outer steps; None if half of the runs did not solve
    cost: dict[int, float] | None  # to that step, by bytes per number


def solution(config: Config, price: Price, records: Sequence[Record]) -> Solution | None:
    """The runs among these records that differ from a config by seed alone; None if there are none."""
    wanted = _without_seed(flat(config))
    matching = deduplicate([record for record in records if _without_seed(record.config) == wanted])
    tried = [record for record in matching if record.status in FINISHED]
    if not tried:
        return None
    (summary,) = summaries(tried)
    steps, warmup = summary.median_steps, getattr(config.method, "warmup_steps", 0)
    cost = None if steps is None else {width: price.solution(steps, warmup, width) for width in price.total}
    solved = sum(record.metrics["steps_to_solve"] is not None for record in tried)
    return Solution(solved, len(tried), steps, cost)


def _without_seed(settings: dict[str, object]) -> dict[str, object]:
    """What decides a run's numbers beside its seed; with method=direct nothing of a world model does."""
    ignored = ("world_model.", "optimiser.lr_world_model") if settings.get("method.name") == "direct" else ()
    return {k: value for k, value in decisive(settings).items() if k != "seed" and not k.startswith(ignored)}
