"""The results of a sweep as a terminal table: one row per group of runs, beside the paper's claim."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flipflop.plurals import counted
from flipflop.records.record import FINISHED, Record
from flipflop.records.summary import Summary, summaries
from flipflop.results.paper import claim_of
from flipflop.results.terminal.formats import count_of, rate, scientific, short

WIDTH = 80  # characters of a terminal
OPTIONAL = ("environment", "worst", "seconds", "reset")  # dropped in this order if the table is too wide for WIDTH


def show_sweep(records: Sequence[Record], folder: Path, console: Console) -> None:
    """Print the sweep table, how many runs ended with which status, and the errors."""
    console.print(sweep_table(summaries(records)))
    from_reset = any("success_from_reset" in record.metrics for record in records)
    console.print("steps: median to the first success; pain: mean over the final evaluation", style="dim")
    if from_reset:
        console.print("from reset: tested without a burn-in; success of the same runs: after one", style="dim")
    show_outcomes(records, folder, console)


def show_outcomes(records: Sequence[Record], folder: Path, console: Console) -> None:
    """Print how many runs ended with which status, and the last line of each failed run's error."""
    counts = {status: sum(r.status == status for r in records) for status in ("ok", "diverged", "failed", "crashed")}
    outcomes = ", ".join(f"{count:,} {status}" for status, count in counts.items() if count)
    console.print(f"{counted(len(records), 'run')}: {outcomes}; in {folder}", highlight=False, soft_wrap=True)
    for record in records:
        if record.error and record.status not in FINISHED:
            last_line = record.error.strip().splitlines()[-1]
            console.print(f"run {record.index} {record.status}: {last_line}", markup=False, soft_wrap=True)


def sweep_table(rows: Sequence[Summary]) -> Table:
    """Return a table of one row per group for a terminal of 80 columns.

    Columns in OPTIONAL are dropped, one after the other, while the table is wider than that; summary.csv has them all.
    """
    names = {
        key: _Column(key.rpartition(".")[2].replace("_", "_\n"), [row.name.get(key, "") for row in rows], "left")
        for row in rows
        for key in row.name
    }
    claims = [claim_of(row.settings) for row in rows]
    columns: dict[str, _Column] = {
        "success": _Column("success\n95% CI", [rate(row.successes, row.runs) for row in rows], "left"),
        "paper": _Column("paper\n95% CI", [rate(*claim) if claim else "" for claim in claims], "left"),
        "reset": _Column("from\nreset", [count_of(row.successes_from_reset, row.runs) for row in rows], "left"),
        "steps": _Column("outer\nsteps", [short(row.median_steps) for row in rows], "right"),
        "environment": _Column("env.\nsteps", [short(row.median_environment_steps) for row in rows], "right"),
        "pain": _Column("median\npain", [scientific(row.median_pain) for row in rows], "right"),
        "worst": _Column("worst\npain", [scientific(row.worst_pain) for row in rows], "right"),
        **{
            metric: _Column(metric.replace("_", "\n"), [scientific(row.medians.get(metric)) for row in rows], "right")
            for metric in dict.fromkeys(name for row in rows for name in row.medians)
        },
        "seconds": _Column("CPU\ns", [f"{row.seconds:.1f}" for row in rows], "right"),
    }
    if not any(claims):
        del columns["paper"]
    if all(row.successes_from_reset is None for row in rows):
        del columns["reset"]
    if any(row.counts_in == "environment step" for row in rows):
        del columns["steps"]  # on a stream these are environment steps, which have their own column
    # Environment steps stay where they are the only steps.
    optional = [name for name in OPTIONAL if name in columns and (name != "environment" or "steps" in columns)]
    for name in optional:
        if sum(column.width + 2 for column in (*names.values(), *columns.values())) - 2 > WIDTH:
            del columns[name]

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in names.values():
        table.add_column(column.header, overflow="fold")
    for column in columns.values():
        table.add_column(column.header, justify=column.justify, no_wrap=True)
    for row in zip(*(column.cells for column in (*names.values(), *columns.values())), strict=True):
        table.add_row(*map(escape, row))
    return table


class _Column(NamedTuple):
    """A column of the table, as text."""

    header: str
    cells: list[str]
    justify: Literal["left", "right"]

    @property
    def width(self) -> int:
        """The number of characters of the widest line."""
        return max(len(line) for text in (self.header, *self.cells) for line in text.split("\n"))
