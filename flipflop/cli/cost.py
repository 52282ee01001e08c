"""The command that prints data-movement cost, beside that of direct back-propagation: python -m flipflop.cost.

Its tables fit into 80 columns.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flipflop.cli.exits import exit_on_error
from flipflop.config.keys import flat
from flipflop.config.ranges import expand
from flipflop.config.rules import ConfigError
from flipflop.config.schema import Config
from flipflop.cost.outer_step import PHASES, Price, price
from flipflop.cost.solution import Solution, solution
from flipflop.records.record import Record
from flipflop.results.load import load
from flipflop.sweep.hydra.compose import axis
from flipflop.sweep.hydra.configs import configs

SWEEP = "cost.sweep="


@dataclass(frozen=True)
class CostRow:
    """One row of the tables: the cost of a config, and of the same config with method=direct, without a world model."""

    name: dict[str, str]  # {key: value} of the keys in which the rows differ
    price: Price
    direct: Price
    solution: Solution | None  # None without recorded runs of the config
    direct_solution: Solution | None


def cost_rows(overrides: Sequence[str], records: Sequence[Record]) -> list[CostRow]:
    """Compute the cost of each config that flipflop.configs composes from the overrides.

    Args:
        overrides: key=value, with several values for an axis.
        records: recorded runs, from which the number of steps to a solution is taken.

    Raises:
        ConfigError: an override is not allowed, or the cost of a config cannot be computed.
    """
    composed = configs(*overrides)
    axes = [axis(f"{key}={expand(key, value)}") for key, _, value in (text.partition("=") for text in overrides)]
    swept = [texts[0].partition("=")[0] for texts in axes if len(texts) > 1]
    prices: dict[str, Price] = {}

    def price_of(config: Config) -> Price:
        settings = repr(flat(config))
        if settings not in prices:
            prices[settings] = price(config)
        return prices[settings]

    rows = []
    for config, texts in zip(composed, product(*axes), strict=True):
        (direct,) = configs(*(text for text in texts if not text.startswith(("method=", "method."))), "method=direct")
        name = {key: value for key, _, value in (text.partition("=") for text in texts) if key in swept}
        own_price, direct_price = price_of(config), price_of(direct)
        solutions = solution(config, own_price, records), solution(direct, direct_price, records)
        rows.append(CostRow(name, own_price, direct_price, *solutions))
    return rows


def cost_table(rows: Sequence[CostRow]) -> Table:
    """Return the table of what one outer step costs."""
    table, name_cells = _table_with_names(rows)
    for head in ("reads", "deepest\nread", "cost at\n1 byte", "\n8 bytes", "/ direct\n1 byte"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        total = row.price.total
        table.add_row(
            *name_cells(row),
            f"{row.price.reads:,}",
            f"{row.price.deepest:,}",
            *(f"{total[width]:,}" for width in total),
            f"{total[1] / row.direct.total[1]:.2f}",
        )
    return table


def phase_table(rows: Sequence[CostRow]) -> Table:
    """Return the table of each phase's share of an outer step's cost, at 1 byte per number."""
    table, name_cells = _table_with_names(rows)
    for phase in PHASES:
        table.add_column(phase.replace(" ", "\n"), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            *name_cells(row), *(f"{100 * row.price.phases[phase] / row.price.total[1]:.1f}%" for phase in PHASES)
        )
    return table


def solution_table(rows: Sequence[CostRow]) -> Table:
    """Return the table of what training to a solution costs; a dash where the sweep has no runs of the config."""
    table, name_cells = _table_with_names(rows)
    for head in ("solved", "median\nsteps", "M alone\n1 byte", "to solve\n1 byte", "\n8 bytes", "/ direct\n1 byte"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        trained, direct = row.solution, row.direct_solution
        cells = ["-"] * 6
        if trained is not None:
            cells[0] = f"{trained.solved}/{trained.runs}"
            cells[2] = f"{row.price.warmup[1]:,}"
            if trained.cost is not None:
                cells[1] = f"{trained.median_steps:g}"
                cells[3:5] = [f"{trained.cost[width]:.3g}" for width in trained.cost]
                if direct is not None and direct.cost is not None:
                    cells[5] = f"{trained.cost[1] / direct.cost[1]:.2f}"
        table.add_row(*name_cells(row), *cells)
    return table


def _table_with_names(rows: Sequence[CostRow]) -> tuple[Table, Callable[[CostRow], list[str]]]:
    """Return a table with a column per key in which rows differ, and a function from a row to its cells there."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    keys = list(rows[0].name)
    for key in keys:
        table.add_column(escape(key.replace(".", ".\n").replace("_", "_\n")), overflow="fold")
    return table, lambda row: [escape(row.name[key]) for key in keys]


def show(rows: Sequence[CostRow], has_sweep: bool, console: Console) -> None:
    """Print the tables of cost; the one of solutions if there is a sweep to take the steps from."""
    console.print(cost_table(rows))
    console.print(
        "one outer step, both nets learning; /direct: over that of method=direct", style="dim", highlight=False
    )
    console.print()
    console.print(phase_table(rows))
    console.print("of the cost at 1 byte per number", style="dim", highlight=False)
    if has_sweep:
        console.print()
        console.print(solution_table(rows))
        console.print(
            "to solve: to the median run's first success; M alone: a step of the warm-up",
            style="dim",
            highlight=False,
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the cost of the configs that the command line names.

    Raises:
        SystemExit: WRONG_INPUT if an override is not allowed or the folder has no records.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.cost",
        description="Print what one outer step costs in data movement (ByteDMD), its phases, and the ratio to direct "
        "back-propagation, by tracing the core's own arithmetic. With cost.sweep=DIR also print what a solution "
        "costs, by the median steps to solve of that sweep's runs of the same config.",
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="overrides as for flipflop.run, and cost.sweep=DIR"
    )
    parser.add_argument("-m", "--multirun", action="store_true", help="print every combination of several values")
    options = parser.parse_intermixed_args(arguments)
    console = Console()
    with exit_on_error():
        overrides = [text for text in options.overrides if not text.startswith(SWEEP)]
        folders = [text.removeprefix(SWEEP) for text in options.overrides if text.startswith(SWEEP)]
        if len(folders) > 1:
            raise ConfigError(f"cost.sweep is given {len(folders)} times: give it once")
        if not options.multirun and len(runs := configs(*overrides)) > 1:
            raise ConfigError(f"the overrides make {len(runs)} runs: add -m to price several")
        records = load(Path(folders[0])).records if folders else []
        with console.status("computing the cost"):
            rows = cost_rows(overrides, records)
        show(rows, bool(folders), console)
