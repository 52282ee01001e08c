"""Show a sweep's results at its end: tables in the terminal, CSV files, figures and the page."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from flipflop.records.record import Record
from flipflop.results.tables import write_tables
from flipflop.results.terminal.sweep_table import show_outcomes, show_sweep
from flipflop.sweep.presentation import register_presenter


class TerminalPresenter:
    """A presenter for the terminal and the sweep's folder (flipflop.sweep.presentation.Presenter)."""

    def write_tables(self, records: Sequence[Record], folder: Path) -> None:
        """Write runs.csv and summary.csv into a folder."""
        write_tables(records, folder)

    def show_sweep(self, records: Sequence[Record], folder: Path, console: Console) -> None:
        """Print the table of a sweep and the number of its runs by status."""
        show_sweep(records, folder, console)

    def show_outcomes(self, records: Sequence[Record], folder: Path, console: Console) -> None:
        """Print the number of runs by status, and the error of each run that failed."""
        show_outcomes(records, folder, console)

    def draw_sweep(self, folder: Path, console: Console) -> None:
        """Draw the figures of a sweep and write its page."""
        # Imported here because matplotlib and pandas take a second.
        from flipflop.results.load import load
        from flipflop.results.report import draw_sweep

        draw_sweep(load(folder), console)


def register() -> None:
    """Show the sweeps of this process in the terminal."""
    register_presenter(TerminalPresenter())
