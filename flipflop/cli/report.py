"""The command that reports on a folder of records: python -m flipflop.report."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from flipflop.cli.exits import exit_on_error
from flipflop.cli.plugin_option import add_plugin_option, load_plugins_of
from flipflop.results.load import load
from flipflop.results.report import draw_run, report


def main(arguments: Sequence[str] | None = None) -> None:
    """Report on the folder that the command line names.

    Raises:
        SystemExit: WRONG_INPUT if the folder has no records, FAILURE if a file cannot be written, INTERRUPTED.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.report",
        description="Print the results of a sweep or a single run, write runs.csv and summary.csv again and draw the "
        "figures; for a sweep also write report.html, one file for a browser. Reads sweeps of flipflop and of Hydra's "
        "stock launchers.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="outputs/sweeps/NAME or outputs/runs/STAMP")
    parser.add_argument("--run", type=int, metavar="N", help="only draw the figures of the run with this index")
    add_plugin_option(parser)
    options = parser.parse_args(arguments)
    console = Console()
    with exit_on_error():
        load_plugins_of(options)
        sweep = load(options.folder)
        if options.run is not None:
            draw_run(sweep, sweep.run(options.run), console)
        else:
            report(sweep, console)
