"""The cost of a solution: the cost of an outer step, times the number of steps that the runs of a sweep needed."""

from collections.abc import Sequence
from typing import NamedTuple

from flipflop.config.keys import decisive, flat
from flipflop.config.schema import Config
from flipflop.cost.outer_step import Price
from flipflop.records.grouping import deduplicate
from flipflop.records.record import FINISHED, Record
from flipflop.records.summary import summaries


class Solution(NamedTuple):
    """The results of a config's runs, and the data movement of its median run up to its first success."""

    solved: int  # runs that passed the test at some check
    runs: int
    median_steps: float | None  # outer steps to the first success; None if half of the runs had none
    cost: dict[int, float] | None  # {bytes per number: data movement up to that step}


def solution(config: Config, price: Price, records: Sequence[Record]) -> Solution | None:
    """Return the solution of the runs that differ from a config by seed alone, or None if there are none.

    Args:
        config: of the runs.
        price: of the config's outer step.
        records: of any runs, among which those of the config are looked for.
    """
    wanted = _without_seed(flat(config))
    matching = deduplicate([record for record in records if _without_seed(record.config) == wanted])
    finished = [record for record in matching if record.status in FINISHED]
    if not finished:
        return None
    (summary,) = summaries(finished)
    steps, warmup = summary.median_steps, getattr(config.method, "warmup_steps", 0)
    cost = None if steps is None else {width: price.solution(steps, warmup, width) for width in price.total}
    solved = sum(record.metrics["steps_to_solve"] is not None for record in finished)
    return Solution(solved, len(finished), steps, cost)


def _without_seed(settings: dict[str, object]) -> dict[str, object]:
    """Return the settings that affect a run's numbers, without the seed; if method=direct, without M's as well."""
    ignored = ("world_model.", "optimiser.lr_world_model") if settings.get("method.name") == "direct" else ()
    return {k: value for k, value in decisive(settings).items() if k != "seed" and not k.startswith(ignored)}
