"""The sweep table: runs that differ only by seed in one row, beside the paper's claim; and the same as CSV.

Plain Python on records: it ends every sweep, where importing pandas would cost as much as training two runs.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flipflop.config import RULES, decisive, is_on_stream
from flipflop.results.paper import Claim, claim_of
from flipflop.results.statistics import wilson
from flipflop.sweep.files import write_whole
from flipflop.sweep.progress import counted
from flipflop.sweep.records import FINISHED, Record

WIDTH = 80  # characters of a terminal
SPARED = ("environment", "worst", "seconds", "reset")  # columns of the sweep table that summary.csv has too

# What never tells groups apart: the seed, and what changes no number.
UNSWEPT = ("seed", *(key for key, rule in RULES.items() if rule.is_record_only or not rule.in_key))


class Run(Protocol):
    """What tells runs apart: a record, or a run that is only planned."""

    @property
    def label(self) -> str | None:
        """Its grid's."""

    @property
    def overrides(self) -> Sequence[str]:
        """As given, key=value."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its config by dotted keys."""


AnyRun = TypeVar("AnyRun", bound=Run)


@dataclass(frozen=True)
class Summary:
    """Runs that differ only by seed, and what they come to."""

    name: dict[str, str]  # label and swept keys, as the table's first columns
    runs: int  # with an outcome; failed ones have none
    successes: int
    claim: Claim | None  # the paper's, for this regime or version
    successes_from_reset: int | None  # without the test's burn-in; None if it has none
    median_steps: float | None  # outer steps to the first success; None if half of the runs are censored
    median_environment_steps: float | None
    median_pain: float | None
    worst_pain: float | None
    diverged: int
    failed: int
    seconds: float  # CPU
    is_on_stream: bool  # with method=rtrl_1990, where an outer step is an environment step


def swept_keys(runs: Sequence[Run]) -> list[str]:
    """The overrides, other than the seed, in which the runs differ, in the order in which they were given."""
    given = [dict(text.split("=", 1) for text in run.overrides) for run in runs]
    keys = dict.fromkeys(key for overrides in given for key in overrides)
    return [key for key in keys if key not in UNSWEPT and len({_setting(run, key) for run in runs}) > 1]


def _setting(run: Run, key: str) -> str:
    """What a run has for a key: as given, else its config's value; a group's choice is named by its file."""
    for text in run.overrides:
        if text.startswith(f"{key}="):
            return text.partition("=")[2]
    settings = run.settings
    return str(settings.get(key, settings.get(f"{key}.name", "")))


def grouped(runs: Sequence[AnyRun]) -> list[tuple[dict[str, str], list[AnyRun]]]:
    """Put runs of one label that differ only by seed together, in the order of their first.

    A group's name is {column: cell}.
    """
    swept = swept_keys(runs)
    members: dict[tuple[str | None, str], list[AnyRun]] = {}
    for run in runs:
        members.setdefault((run.label, identity(run, without_seed=True)), []).append(run)

    alike: dict[str | None, list[AnyRun]] = {}
    for first, *_ in members.values():
        alike.setdefault(first.label, []).append(first)

    def name(first: AnyRun) -> dict[str, str]:
        """Its label, and of what was swept what tells it from others of the label; all where there are no labels."""
        same = alike[first.label]
        telling = [key for key in swept if first.label is None or len({_setting(other, key) for other in same}) > 1]
        return {**_label(first), **{key: _setting(first, key) for key in telling}}

    return [(name(group[0]), group) for group in members.values()]


def identity(run: Run, without_seed: bool = False) -> str:
    """What a run computes: two that differ only in what is kept of them have the same numbers."""
    ignored = [key for key in UNSWEPT if key != "seed" or without_seed]
    settings = {key: value for key, value in decisive(run.settings).items() if key not in ignored}
    return json.dumps(settings, sort_keys=True)


def once(records: Iterable[Record]) -> list[Record]:
    """The records, those with the same numbers once: a run done again for other arrays is no new trial."""
    first: dict[str, Record] = {}
    for record in records:
        run = identity(record)
        if run not in first or (first[run].status not in FINISHED and record.status in FINISHED):
            first[run] = record
    return list(first.values())


def _label(run: Run) -> dict[str, str]:
    return {} if run.label is None else {"label": run.label}


def summaries(records: Sequence[Record]) -> list[Summary]:
    """What each group of runs that differ only by seed comes to, in the order of their first run's index."""
    by_index = sorted(records, key=lambda record: record.index)
    return [_summary(name, once(members)) for name, members in grouped(by_index)]


def _summary(name: dict[str, str], members: Sequence[Record]) -> Summary:
    tried = [record for record in members if record.status in FINISHED]
    pains = [record.metrics["mean_pain"] for record in tried if record.metrics["mean_pain"] is not None]
    return Summary(
        name=name,
        runs=len(tried),
        successes=sum(record.metrics["success"] for record in tried),
        claim=claim_of(members[0].config),
        successes_from_reset=_count(tried, "success_from_reset"),
        median_steps=_median_of_censored([record.metrics["steps_to_solve"] for record in tried]),
        median_environment_steps=_median_of_censored(
            [record.metrics["environment_steps_to_solve"] for record in tried]
        ),
        median_pain=median(pains) if pains else None,
        worst_pain=max(pains) if pains else None,
        diverged=sum(record.status == "diverged" for record in members),
        failed=len(members) - len(tried),
        seconds=sum(record.seconds for record in members),
        is_on_stream=is_on_stream(members[0].config),
    )


def _count(records: Sequence[Record], metric: str) -> int | None:
    """How many of the runs have True for a metric; None if none has the metric."""
    told = [record.metrics[metric] for record in records if metric in record.metrics]
    return sum(told) if told else None


def _median_of_censored(times: Iterable[float | None]) -> float | None:
    """The median where None is later than anything observed: None if it falls there."""
    values = [math.inf if time is None else float(time) for time in times]
    middle = median(values) if values else math.inf
    return middle if math.isfinite(middle) else None


def show_sweep(records: Sequence[Record], folder: Path, console: Console) -> None:
    """Print the sweep table and what became of the runs."""
    console.print(sweep_table(summaries(records)))
    from_reset = any("success_from_reset" in record.metrics for record in records)
    console.print("steps: median to the first success; pain: mean over the final evaluation", style="dim")
    if from_reset:
        console.print("success where from reset is told: after a burn-in; from reset: without one", style="dim")
    show_outcomes(records, folder, console)


def show_outcomes(records: Sequence[Record], folder: Path, console: Console) -> None:
    """Print how many runs ended how, and the error of each that failed."""
    counts = {status: sum(r.status == status for r in records) for status in ("ok", "diverged", "failed", "crashed")}
    told = ", ".join(f"{count:,} {status}" for status, count in counts.items() if count)
    console.print(f"{counted(len(records), 'run')}: {told}; in {folder}", highlight=False, soft_wrap=True)
    for record in records:
        if record.error and record.status not in FINISHED:
            last_line = record.error.strip().splitlines()[-1]
            console.print(f"run {record.index} {record.status}: {last_line}", markup=False, soft_wrap=True)


def show_run(record: Record, folder: Path, console: Console) -> None:
    """Print what one run came to."""
    metrics = record.metrics
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    if record.status not in FINISHED:
        table.add_row(record.status, str(record.error).strip().splitlines()[-1])
        table.add_row("left in", str(folder))
        console.print(table)
        return
    if record.status == "diverged":
        table.add_row("diverged", str(record.error))
    else:
        accuracy, spread = metrics["mean_accuracy"], metrics["std_accuracy"]
        table.add_row("success", "yes" if metrics["success"] else "no")
        table.add_row("solved episodes", f"{metrics['solved_episodes']}/{metrics['episodes']}")
        table.add_row("mean accuracy", f"{accuracy:.1%} +/- {spread:.1%} over episodes")
        table.add_row("mean pain", f"{metrics['mean_pain']:.4e}")
    if "success_from_reset" in metrics and record.status != "diverged":
        told = "yes" if metrics["success_from_reset"] else "no"
        table.add_row("from reset", f"{told}, {metrics['solved_episodes_from_reset']}/{metrics['episodes']}")
    solved_at, environment_steps = metrics["steps_to_solve"], metrics["environment_steps_to_solve"]
    outer_step = "" if is_on_stream(record.config) else f"outer step {solved_at or 0:,}, "
    table.add_row("first solved", f"{outer_step}environment step {environment_steps:,}" if solved_at else "not solved")
    if metrics.get("stopped_at"):
        table.add_row("ended early", f"after {record.config['eval.stop_after']} solved checks in a row")
    table.add_row("trained for", f"{metrics['environment_steps']:,} environment steps, {record.seconds:.1f} CPU s")
    table.add_row("left in", str(folder))
    console.print(table)


def sweep_table(rows: Sequence[Summary]) -> Table:
    """Groups as a table for a terminal of 80 columns; where names need the room, the last in SPARED go first."""
    names = {
        key: _Column(key.rpartition(".")[2].replace("_", "_\n"), [row.name.get(key, "") for row in rows], "left")
        for row in rows
        for key in row.name
    }
    told: dict[str, _Column] = {
        "success": _Column("success\n95% CI", [rate(row.successes, row.runs) for row in rows], "left"),
        "paper": _Column("paper\n95% CI", [rate(*row.claim) if row.claim else "" for row in rows], "left"),
        "reset": _Column("from\nreset", [_of(row.successes_from_reset, row.runs) for row in rows], "left"),
        "steps": _Column("outer\nsteps", [short(row.median_steps) for row in rows], "right"),
        "environment": _Column("env.\nsteps", [short(row.median_environment_steps) for row in rows], "right"),
        "pain": _Column("median\npain", [scientific(row.median_pain) for row in rows], "right"),
        "worst": _Column("worst\npain", [scientific(row.worst_pain) for row in rows], "right"),
        "seconds": _Column("CPU\ns", [f"{row.seconds:.1f}" for row in rows], "right"),
    }
    if not any(row.claim for row in rows):
        del told["paper"]
    if all(row.successes_from_reset is None for row in rows):
        del told["reset"]
    if any(row.is_on_stream for row in rows):
        del told["steps"]  # are environment steps there: only these can be compared
    spared = [name for name in SPARED if name in told and (name != "environment" or "steps" in told)]
    for name in spared:
        if sum(column.width + 2 for column in (*names.values(), *told.values())) - 2 > WIDTH:
            del told[name]

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in names.values():
        table.add_column(column.header, overflow="fold")
    for column in told.values():
        table.add_column(column.header, justify=column.justify, no_wrap=True)
    for row in zip(*(column.cells for column in (*names.values(), *told.values())), strict=True):
        table.add_row(*map(escape, row))
    return table


class _Column(NamedTuple):
    header: str
    cells: list[str]
    justify: Literal["left", "right"]

    @property
    def width(self) -> int:
        """Characters of its widest line."""
        return max(len(line) for text in (self.header, *self.cells) for line in text.split("\n"))


def rate(successes: int, trials: int) -> str:
    """`6/10 .31-.83`: a rate with its Wilson interval."""
    if trials == 0:
        return "0/0"
    low, high = ("1.0" if bound == 1 else f"{bound:.2f}".removeprefix("0") for bound in wilson(successes, trials))
    return f"{successes}/{trials} {low}-{high}"


def _of(successes: int | None, trials: int) -> str:
    return "" if successes is None else f"{successes}/{trials}"


def short(number: float | None) -> str:
    """Steps short enough for a column: 36,000 as 36k."""
    if number is None:
        return "-"
    return f"{number:,.0f}" if number < 10_000 else f"{number / 1000:,.0f}k"


def scientific(number: float | None) -> str:
    """A number short enough for a column: 0.00012 as 1.2e-4."""
    if number is None:
        return "-"
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def rows_of(records: Sequence[Record]) -> list[Mapping[str, Any]]:
    """The rows of runs.csv."""
    swept = swept_keys(records)
    metrics = dict.fromkeys(name for record in records for name in record.metrics)
    return [
        {
            "index": r.index,
            "key": r.key,
            "label": r.label,
            "status": r.status,
            **{key: _setting(r, key) for key in swept},
            "seed": r.config.get("seed"),
            **{name: r.metrics.get(name) for name in metrics},
            "seconds": r.seconds,
        }
        for r in records
    ]


def write_tables(records: Sequence[Record], folder: Path) -> None:
    """Write runs.csv, a row per run, and summary.csv, a row per group."""
    write_rows(folder / "runs.csv", rows_of(records))

    summary: list[Mapping[str, Any]] = []
    for group in summaries(records):
        low, high = wilson(group.successes, group.runs)
        claim = group.claim
        claim_low, claim_high = wilson(*claim) if claim else (None, None)
        summary.append(
            {
                **group.name,
                "runs": group.runs,
                "successes": group.successes,
                **({} if group.successes_from_reset is None else {"from_reset": group.successes_from_reset}),
                "success_low": low,
                "success_high": high,
                "paper_successes": claim.successes if claim else None,
                "paper_trials": claim.trials if claim else None,
                "paper_low": claim_low,
                "paper_high": claim_high,
                "median_steps_to_solve": group.median_steps,
                "median_environment_steps_to_solve": group.median_environment_steps,
                "median_pain": group.median_pain,
                "worst_pain": group.worst_pain,
                "diverged": group.diverged,
                "failed": group.failed,
                "seconds": group.seconds,
            }
        )
    write_rows(folder / "summary.csv", summary)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV, with every column that one of them has."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())
