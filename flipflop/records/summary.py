"""What runs that differ only by seed come to together.

Plain Python on records: it ends every sweep, where importing pandas would cost as much as training two runs.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from flipflop.records.grouping import deduplicate, grouped
from flipflop.records.record import FINISHED, Record


@dataclass(frozen=True)
class Summary:
    """Runs that differ only by seed, and what they come to."""

    name: dict[str, str]  # label and swept keys, as the table's first columns
    runs: int  # with an outcome; failed ones have none
    successes: int
    settings: Mapping[str, Any]  # of the first run: the others differ from it by seed alone
    successes_from_reset: int | None  # without the test's burn-in; None if it has none
    median_steps: float | None  # outer steps to the first success; None if half of the runs are censored
    median_environment_steps: float | None
    median_pain: float | None
    worst_pain: float | None
    medians: dict[str, float | None]  # of the metrics that eval.metrics asks for, by name
    diverged: int
    failed: int
    seconds: float  # CPU
    counts_in: str  # what they count their training in: outer step or environment step


def summaries(records: Sequence[Record]) -> list[Summary]:
    """What each group of runs that differ only by seed comes to, in the order of their first run's index."""
    by_index = sorted(records, key=lambda record: record.index)
    return [_summary(name, deduplicate(members)) for name, members in grouped(by_index)]


def _summary(name: dict[str, str], members: Sequence[Record]) -> Summary:
    tried = [record for record in members if record.status in FINISHED]
    pains = [record.metrics["mean_pain"] for record in tried if record.metrics["mean_pain"] is not None]
    return Summary(
        name=name,
        runs=len(tried),
        successes=sum(record.metrics["success"] for record in tried),
        settings=members[0].config,
        successes_from_reset=_count(tried, "success_from_reset"),
        median_steps=_median_of_censored([record.metrics["steps_to_solve"] for record in tried]),
        median_environment_steps=_median_of_censored(
            [record.metrics["environment_steps_to_solve"] for record in tried]
        ),
        median_pain=median(pains) if pains else None,
        worst_pain=max(pains) if pains else None,
        medians={name: _median(tried, name) for name in members[0].config.get("eval.metrics", ())},
        diverged=sum(record.status == "diverged" for record in members),
        failed=len(members) - len(tried),
        seconds=sum(record.seconds for record in members),
        counts_in=members[0].counts_in,
    )


def _median(records: Sequence[Record], metric: str) -> float | None:
    """Return the median of a metric over the runs that have a number for it; None if none has."""
    numbers = [record.metrics[metric] for record in records if record.metrics.get(metric) is not None]
    return median(numbers) if numbers else None


def _count(records: Sequence[Record], metric: str) -> int | None:
    """How many of the runs have True for a metric; None if none has the metric."""
    told = [record.metrics[metric] for record in records if metric in record.metrics]
    return sum(told) if told else None


def _median_of_censored(times: Iterable[float | None]) -> float | None:
    """The median where None is later than anything observed: None if it falls there."""
    values = [math.inf if time is None else float(time) for time in times]
    middle = median(values) if values else math.inf
    return middle if math.isfinite(middle) else None
