"""The report on a folder of runs: tables on the terminal and as CSV, figures, and a web page."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console

from flipflop.config.rules import ConfigError
from flipflop.plurals import counted
from flipflop.records.configs import unmet_needs
from flipflop.records.record import FINISHED, Record
from flipflop.results.figures import of_run as figures_of_run
from flipflop.results.figures import of_sweep as figures_of_sweep
from flipflop.results.figures.style import save, svg_of
from flipflop.results.load import Sweep
from flipflop.results.page.page import write_page
from flipflop.results.tables import write_tables
from flipflop.results.terminal.run_table import show_run
from flipflop.results.terminal.sweep_table import show_sweep


def report(sweep: Sweep, console: Console) -> None:
    """Print the results of a sweep or a single run, and write its tables, figures and, for a sweep, its page.

    Raises:
        OSError: a file cannot be written.
    """
    for problem in [*sweep.all_problems(), *sweep.parts_not_here()]:
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
    """Plot a sweep's figures into its folder, and write its page.

    Raises:
        OSError: a file cannot be written.
    """
    with console.status("drawing"):
        figures = figures_of_sweep.draw(sweep)
        _save(figures, sweep.folder / "figures", console)
        page = sweep.folder / "report.html"
        write_page(sweep, page, _svgs(figures), lambda record: _svgs(figures_of_run.plot(record, sweep.arrays(record))))
    console.print(f"report: {page}", highlight=False, markup=False, soft_wrap=True)


def _svgs(figures: Mapping[str, Figure]) -> dict[str, str]:
    """Return figures as SVG elements by name."""
    return {name: svg_of(figure) for name, figure in figures.items()}


def draw_run(sweep: Sweep, record: Record, console: Console) -> None:
    """Plot a run's figures into its own folder or, for a run of a sweep, into the sweep's folder.

    Raises:
        ConfigError: the run failed, or its arrays cannot be read.
        OSError: a file cannot be written.
    """
    if record.status not in FINISHED:
        raise ConfigError(f"run {record.index} is {record.status}: it has left nothing to draw")
    for need in unmet_needs(record, with_metrics=False):
        console.print(
            f"note: the figures that replay the run are left out: it needs {need}",
            style="yellow",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    folder = sweep.folder / "figures"
    figures = figures_of_run.plot(record, sweep.arrays(record))
    _save(figures, folder if sweep.is_single else folder / f"run_{record.index}", console)


def _save(figures: Mapping[str, Figure], folder: Path, console: Console) -> None:
    """Write figures into a folder, and print their names."""
    for name, figure in figures.items():
        save(figure, folder, name)
    console.print(
        f"figures: {', '.join(figures)} as PNG and SVG in {folder}", highlight=False, markup=False, soft_wrap=True
    )
