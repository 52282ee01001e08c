"""A folder of records, whoever wrote it, as people look at it: tables, figures and a page that a browser opens."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console

from flipflop.config import ConfigError
from flipflop.results import figures_of_run, figures_of_sweep
from flipflop.results.load import Sweep, load
from flipflop.results.page import write_page
from flipflop.results.style import save, svg_of
from flipflop.results.table import show_run, show_sweep, write_tables
from flipflop.sweep.endings import ending
from flipflop.sweep.progress import counted
from flipflop.sweep.records import FINISHED, Record


def main(arguments: Sequence[str] | None = None) -> None:
    """Report on the folder that the command line names.

    Raises:
        SystemExit: with exit code 2 if there is nothing to report on, 1 if it cannot be written, 130 if interrupted.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.report",
        description="Print what a sweep or a single run came to, write runs.csv and summary.csv anew and draw its "
        "figures; of a sweep also report.html, one file for a browser. It reads sweeps of flipflop and of Hydra's "
        "stock launchers.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="outputs/sweeps/NAME or outputs/runs/STAMP")
    parser.add_argument("--run", type=int, metavar="N", help="draw the figures of the run with this index instead")
    given = parser.parse_args(arguments)
    console = Console()
    with ending():
        sweep = load(given.folder)
        if given.run is not None:
            draw_run(sweep, sweep.run(given.run), console)
        else:
            report(sweep, console)


def report(sweep: Sweep, console: Console) -> None:
    """Print a sweep or a single run, and write its tables, figures and page.

    Raises:
        OSError: they cannot be written.
    """
    for problem in sweep.all_problems():
        console.print(f"note: {problem}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    if sweep.is_single:
        (record,) = sweep.records
        show_run(record, sweep.folder, console)
        write_tables(sweep.records, sweep.folder)
        if record.status in FINISHED:
            draw_run(sweep, record, console)
        return
    if sweep.missing:
        console.print(f"{sweep.missing:,} of {counted(sweep.planned, 'planned run')} are not done", style="yellow")
    show_sweep(sweep.records, sweep.folder, console)
    write_tables(sweep.records, sweep.folder)
    draw_sweep(sweep, console)


def draw_sweep(sweep: Sweep, console: Console) -> None:
    """Draw a sweep's figures into its folder, and make its page.

    Raises:
        OSError: they cannot be written.
    """
    with console.status("drawing"):
        figures = figures_of_sweep.draw(sweep)
        _save(figures, sweep.folder / "figures", console)
        page = sweep.folder / "report.html"
        write_page(sweep, page, _svgs(figures), lambda record: _svgs(figures_of_run.draw(record, sweep.arrays(record))))
    console.print(f"report: {page}", highlight=False, markup=False, soft_wrap=True)


def _svgs(figures: Mapping[str, Figure]) -> dict[str, str]:
    return {name: svg_of(figure) for name, figure in figures.items()}


def draw_run(sweep: Sweep, record: Record, console: Console) -> None:
    """Draw a run's figures into the folder of its sweep, or its own.

    Raises:
        ConfigError: it has left no weights.
        OSError: they cannot be written.
    """
    if record.status not in FINISHED:
        raise ConfigError(f"run {record.index} is {record.status}: it has left nothing to draw")
    folder = sweep.folder / "figures"
    figures = figures_of_run.draw(record, sweep.arrays(record))
    _save(figures, folder if sweep.is_single else folder / f"run_{record.index}", console)


def _save(figures: Mapping[str, Figure], folder: Path, console: Console) -> None:
    for name, figure in figures.items():
        save(figure, folder, name)
    console.print(
        f"figures: {', '.join(figures)} as PNG and SVG in {folder}", highlight=False, markup=False, soft_wrap=True
    )
