"""The hook through which a sweep shows what came of it.

Hydra builds launcher and sweeper by itself, and neither may import what reads results. So the command line registers a
presenter before Hydra starts; launcher and sweeper call it at the end of a sweep.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from rich.console import Console

from flipflop.records.record import Record


class Presenter(Protocol):
    """Shows and writes down what runs came to."""

    def write_tables(self, records: Sequence[Record], folder: Path) -> None:
        """Write runs.csv and summary.csv of a folder."""

    def show_sweep(self, records: Sequence[Record], folder: Path, console: Console) -> None:
        """Print the table of a sweep and how many of its runs ended how."""

    def show_outcomes(self, records: Sequence[Record], folder: Path, console: Console) -> None:
        """Print how many runs ended how, and the error of each that failed."""

    def draw_sweep(self, folder: Path, console: Console) -> None:
        """Draw the figures of a sweep and write its page."""


_registered: list[Presenter] = []


def register_presenter(presenter: Presenter) -> None:
    """Let this presenter show what sweeps of this process come to; it takes the place of an earlier one."""
    _registered[:] = [presenter]


def presenter() -> Presenter:
    """Return the registered presenter.

    Raises:
        LookupError: there is none.
    """
    if not _registered:
        raise LookupError("no presenter is registered: import flipflop.cli.presenter and call register()")
    return _registered[0]
