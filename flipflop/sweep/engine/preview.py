"""The preview of dry_run=true: what a sweep would train, what is done already, and about how long the rest takes."""

from collections.abc import Collection, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flipflop.plurals import counted
from flipflop.records.grouping import grouped
from flipflop.records.planned import PlannedRun
from flipflop.records.record import FINISHED
from flipflop.records.store import damaged_blocks, read
from flipflop.sweep.engine.execute import prepare_blocks
from flipflop.sweep.engine.local import Workers
from flipflop.sweep.engine.plan import expected_end


def show_plan(runs: Sequence[PlannedRun], path: Path, is_named: bool, workers: Workers, console: Console) -> None:
    """Print the plan of a sweep, and write nothing.

    Args:
        runs: all runs of the sweep.
        path: the sweep's folder, which need not exist.
        is_named: whether the user chose the folder by name=; otherwise the sweep would get a new one.
        workers: who would train the runs.
        console: where to print.
    """
    records, problems, _, _ = read(path)
    damaged = damaged_blocks(path, records)
    finished = {r.key for r in records if r.status in FINISHED and r.block not in damaged}
    missing = [run for run in runs if run.key not in finished]
    blocks, unreadable = prepare_blocks(missing, path / "unfinished", workers)
    for problem in (*problems, *damaged.values(), *unreadable):
        console.print(f"note: {problem}", style="yellow", markup=False, highlight=False, soft_wrap=True)

    groups = grouped(runs)
    console.print(_plan_table(groups, finished))

    folder = path if is_named else path.with_name("a new folder")
    console.print(f"{counted(len(runs), 'run')} in {counted(len(groups), 'group')}; in {folder}", highlight=False)
    if missing:
        end = expected_end([block.remaining_seconds for block in blocks], workers.count)
        total = sum(block.remaining_seconds for block in blocks)
        console.print(
            f"{len(missing):,} to run in {counted(len(blocks), 'block')} on {counted(workers.count, workers.noun)}: "
            f"about {format_duration(end)}, {format_duration(total)} of CPU time",
            highlight=False,
        )
    console.print("dry_run=true: nothing was run or written")


def _plan_table(groups: Sequence[tuple[dict[str, str], list[PlannedRun]]], finished: Collection[str]) -> Table:
    """Return the table with one row per group of runs that differ only by seed: name, runs, done, to run."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    names = list(dict.fromkeys(key for name, _ in groups for key in name))
    for key in names:
        table.add_column(key, overflow="fold")
    for header in ("runs", "done", "to run"):
        table.add_column(header, justify="right", no_wrap=True)
    for name, members in groups:
        done = sum(run.key in finished for run in members)
        counts = (f"{count:,}" for count in (len(members), done, len(members) - done))
        table.add_row(*(escape(name.get(key, "")) for key in names), *counts)
    return table


def format_duration(seconds: float) -> str:
    """Format a duration with one unit: `8 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
