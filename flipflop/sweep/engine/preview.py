"""dry_run=true: what a sweep would do, what of it is done already, and about how long the rest takes."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flipflop.progress import counted
from flipflop.records.grouping import grouped
from flipflop.records.planned import PlannedRun
from flipflop.records.record import FINISHED
from flipflop.records.store import damaged_blocks, read
from flipflop.sweep.engine.execute import prepare
from flipflop.sweep.engine.local import Workers
from flipflop.sweep.engine.plan import expected_end


def show_plan(runs: Sequence[PlannedRun], path: Path, is_named: bool, workers: Workers, console: Console) -> None:
    """Print the plan of a sweep in a folder, and write nothing."""
    records, problems, _, _ = read(path)
    damaged = damaged_blocks(path, records)
    finished = {r.key for r in records if r.status in FINISHED and r.block not in damaged}
    missing = [run for run in runs if run.key not in finished]
    blocks, unusable = prepare(missing, path / "unfinished", workers)
    for problem in (*problems, *damaged.values(), *unusable):
        console.print(f"note: {problem}", style="yellow", markup=False, highlight=False, soft_wrap=True)

    table = Table(box=None, pad_edge=False, header_style="bold")
    rows = grouped(runs)
    names = list(dict.fromkeys(key for name, _ in rows for key in name))
    for key in names:
        table.add_column(key, overflow="fold")
    for header in ("runs", "done", "to run"):
        table.add_column(header, justify="right", no_wrap=True)
    for name, members in rows:
        done = sum(run.key in finished for run in members)
        counts = (f"{count:,}" for count in (len(members), done, len(members) - done))
        table.add_row(*(escape(name.get(key, "")) for key in names), *counts)
    console.print(table)

    folder = path if is_named else path.with_name("a new folder")
    console.print(f"{counted(len(runs), 'run')} in {counted(len(rows), 'group')}; in {folder}", highlight=False)
    spent = sum(block.remaining for block in blocks)
    end = expected_end([block.remaining for block in blocks], workers.number)
    if missing:
        console.print(
            f"{len(missing):,} to run in {counted(len(blocks), 'block')} on {counted(workers.number, workers.noun)}: "
            f"about {duration(end)}, {duration(spent)} of CPU time",
            highlight=False,
        )
    console.print("dry_run=true: nothing was run or written")


def duration(seconds: float) -> str:
    """`8 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
