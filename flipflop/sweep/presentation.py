"""The hook by which launcher and sweeper show results.

Hydra constructs launcher and sweeper, and neither may import flipflop.results. So the command line registers a
presenter before Hydra starts, and they call it at the end of a sweep.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from rich.console import Console

from flipflop.records.record import Record


class Presenter(Protocol):
    """An object that shows and writes the results of runs."""

    def write_tables(self, records: Sequence[Record], folder: Path) -> None:
        """Write runs.csv and summary.csv into a folder."""

    def show_sweep(self, records: Sequence[Record], folder: Path, console: Console) -> None:
        """Print the table of a sweep and the number of its runs by status."""

    def show_outcomes(self, records: Sequence[Record], folder: Path, console: Console) -> None:
        """Print the number of runs by status, and the error of each run that failed."""

    def draw_sweep(self, folder: Path, console: Console) -> None:
        """Draw the figures of a sweep and write its page."""


_registered: list[Presenter] = []


def register_presenter(presenter: Presenter) -> None:
    """Use this presenter for all sweeps of this process, in place of an earlier one."""
    _registered[:] = [presenter]


def presenter() -> Presenter:
    """Return the registered presenter.

    Raises:
        LookupError: no presenter is registered.
    """
    if not _registered:
        raise LookupError("no presenter is registered: import flipflop.cli.presenter and call register()")
    return _registered[0]
