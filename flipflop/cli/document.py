"""The command that writes RESULTS.md and its figures: python -m flipflop.document."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from flipflop.cli.exits import exit_on_error
from flipflop.config.rules import ConfigError
from flipflop.records.files import write_atomically
from flipflop.results.claims import ledger
from flipflop.results.claims.document import COST, DOCUMENT, LEDGER, QUESTIONS, document
from flipflop.results.claims.question import ROOT, TABLES


def main(arguments: Sequence[str] | None = None) -> None:
    """Write RESULTS.md; first copy a sweep's rows to docs/results/ if a question is named.

    Raises:
        SystemExit: WRONG_INPUT if the sweep does not exist or is not finished, FAILURE if a file cannot be written.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.document", description="Write RESULTS.md from the rows in docs/results/."
    )
    parser.add_argument("question", nargs="?", help="first copy the rows of outputs/sweeps/QUESTION to docs/results/")
    options = parser.parse_args(arguments)
    with exit_on_error():
        if options.question == COST:
            _plot_cost()
        elif options.question:
            collect(options.question, ROOT / "outputs" / "sweeps" / options.question)
        write_atomically(DOCUMENT, document().encode())


def collect(name: str, folder: Path, tables: Path = TABLES) -> None:
    """Write the rows and the figure of a question of RESULTS.md, NAME.csv and NAME.svg.

    Args:
        name: the question.
        folder: the folder of its sweep.
        tables: the folder to write to.

    Raises:
        ConfigError: RESULTS.md has no such question, or some runs are not done.
        OSError: a file cannot be written.
    """
    from flipflop.results.figures import of_sweep as figures_of_sweep
    from flipflop.results.figures.style import svg_of
    from flipflop.results.load import load
    from flipflop.results.tables import rows_of, write_rows

    if name not in (*QUESTIONS, LEDGER):
        raise ConfigError(f"{name} is no question of RESULTS.md: it must be one of {', '.join((*QUESTIONS, LEDGER))}")
    sweep = load(folder)
    if sweep.missing:
        raise ConfigError(f"{sweep.missing:,} of {sweep.planned:,} runs in {folder} are not done: run the sweep again")
    rows = [{name: cell for name, cell in row.items() if name != "key"} for row in rows_of(sweep.records)]
    if name == LEDGER:
        completed = [record for record in sweep.records if record.status == "ok"]
        measured = {record.index: ledger.measures(record, sweep.arrays(record)) for record in completed}
        rows = [{**row, **measured.get(row["index"], {})} for row in rows]
    tables.mkdir(parents=True, exist_ok=True)
    write_rows(tables / f"{name}.csv", rows)
    if name != LEDGER:
        figures = figures_of_sweep.draw(sweep)
        chosen = figures.get("both_tests") or figures.get("lengths") or figures["success"]
        write_atomically(tables / f"{name}.svg", svg_of(chosen).encode())


def _plot_cost() -> None:
    """Write the figure of data-movement cost, cost.svg, from cost.csv."""
    from flipflop.results.claims import data_movement
    from flipflop.results.figures.style import svg_of

    if not (TABLES / f"{COST}.csv").is_file():
        raise ConfigError(f"{TABLES / f'{COST}.csv'} does not exist: write it by make results Q={COST}")
    figure = svg_of(data_movement.draw(data_movement.read(TABLES / f"{COST}.csv")))
    write_atomically(TABLES / f"{COST}.svg", figure.encode())
