"""Summaries of groups of runs that differ only by seed.

This module does without pandas, because it is used at the end of every sweep and importing pandas takes as long as
training two runs.
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
    """The summary of a group of runs that differ only by seed."""

    name: dict[str, str]  # label and swept keys: the first columns of the table
    runs: int  # number of runs with a result
    successes: int  # number of runs that pass the test at their end
    settings: Mapping[str, Any]  # of the first run; those of the others differ in the seed only
    successes_from_reset: int | None  # in the test without burn-in; None if the test has none
    median_steps: float | None  # outer steps to the first check passed; None if at least half of the runs are censored
    median_environment_steps: float | None
    median_pain: float | None
    worst_pain: float | None
    medians: dict[str, float | None]  # of the metrics of eval.metrics, by name
    diverged: int
    failed: int
    seconds: float  # CPU seconds of all runs together
    counts_in: str  # the unit of their training: outer step or environment step


def summaries(records: Sequence[Record]) -> list[Summary]:
    """Return the summary of each group of runs that differ only by seed, in the order of their first index."""
    by_index = sorted(records, key=lambda record: record.index)
    return [_summary(name, deduplicate(members)) for name, members in grouped(by_index)]


def _summary(name: dict[str, str], members: Sequence[Record]) -> Summary:
    finished = [record for record in members if record.status in FINISHED]
    pains = [record.metrics["mean_pain"] for record in finished if record.metrics["mean_pain"] is not None]
    return Summary(
        name=name,
        runs=len(finished),
        successes=sum(record.metrics["success"] for record in finished),
        settings=members[0].config,
        successes_from_reset=_count(finished, "success_from_reset"),
        median_steps=_median_of_censored([record.metrics["steps_to_solve"] for record in finished]),
        median_environment_steps=_median_of_censored(
            [record.metrics["environment_steps_to_solve"] for record in finished]
        ),
        median_pain=median(pains) if pains else None,
        worst_pain=max(pains) if pains else None,
        medians={name: _median(finished, name) for name in members[0].config.get("eval.metrics", ())},
        diverged=sum(record.status == "diverged" for record in members),
        failed=len(members) - len(finished),
        seconds=sum(record.seconds for record in members),
        counts_in=members[0].counts_in,
    )


def _median(records: Sequence[Record], metric: str) -> float | None:
    """Return the median of a metric over the runs that have a number for it; None if none has."""
    numbers = [record.metrics[metric] for record in records if record.metrics.get(metric) is not None]
    return median(numbers) if numbers else None


def _count(records: Sequence[Record], metric: str) -> int | None:
    """Return the number of runs with True for a metric; None if no run has the metric."""
    values = [record.metrics[metric] for record in records if metric in record.metrics]
    return sum(values) if values else None


def _median_of_censored(times: Iterable[float | None]) -> float | None:
    """Return the median of times, where None counts as later than all others; None if the median is such a time."""
    values = [math.inf if time is None else float(time) for time in times]
    middle = median(values) if values else math.inf
    return middle if math.isfinite(middle) else None
