"""The command that reports on a folder of records: python -m flipflop.report."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from flipflop.cli.exits import ending
from flipflop.results.load import load
from flipflop.results.report import draw_run, report


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
