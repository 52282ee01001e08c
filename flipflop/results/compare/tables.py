"""Comparisons as terminal tables and as a DataFrame, with remarks on what the numbers of runs can show."""

from collections.abc import Callable, Sequence

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flipflop.results.compare.comparison import LEVEL, MOST_SEARCHED, POWER, Comparison, Result
from flipflop.results.compare.matching import MOST_NAMED, more
from flipflop.results.terminal.formats import rate, scientific, short
from flipflop.statistics import critical_successes, detectable_difference, wilson


def frame(result: Result) -> pd.DataFrame:
    """Return a comparison as a table of one row per pair of groups, unrounded: `compare --csv` writes it."""
    rows = []
    for pair in result.comparisons:
        low, high = pair.interval or (None, None)
        row: dict[str, object] = {**pair.name, **_titles(result, pair)}
        for side, group in (("reference", pair.first), ("other", pair.second)):
            bounds = wilson(group.successes, group.runs)
            row |= {
                f"{side}_successes": group.successes,
                f"{side}_runs": group.runs,
                f"{side}_low": bounds.low,
                f"{side}_high": bounds.high,
                f"{side}_median_steps_to_solve": group.median_steps,
                f"{side}_median_pain": group.median_pain,
                f"{side}_diverged": group.diverged,
                f"{side}_failed": group.failed,
            }
        row |= {
            "difference": pair.difference,
            "difference_low": low,
            "difference_high": high,
            "boschloo_p": pair.p,
            "detectable_difference": pair.detectable,
            "steps_ratio": pair.steps_ratio,
            "pain_ratio": pair.pain_ratio,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def _titles(result: Result, pair: Comparison) -> dict[str, str]:
    """Return the folders of the compared sweeps, or the compared values of the key."""
    return {
        "reference": result.folders.get(pair.reference, pair.reference),
        "other": result.folders.get(pair.other, pair.other),
    }


def success_table(result: Result) -> Table:
    """Return the table of success rates, their differences and p-values, for a terminal of 80 columns."""
    table, named = _start(result)
    reference, other = _heads(result)
    table.add_column(f"{reference}\n95% CI", no_wrap=True)
    table.add_column(f"{other}\n95% CI", no_wrap=True)
    table.add_column("difference\n95% CI", no_wrap=True)
    table.add_column("\np", justify="right", no_wrap=True)
    for pair in result.comparisons:
        table.add_row(
            *named(pair),
            rate(pair.first.successes, pair.first.runs),
            rate(pair.second.successes, pair.second.runs),
            _difference(pair),
            _p(pair.p),
        )
    return table


def steps_and_pain_table(result: Result) -> Table:
    """Return the table of median steps and pain, and their ratios, for a terminal of 80 columns."""
    table, named = _start(result)
    reference, other = _heads(result)
    for quantity in ("steps", "pain"):
        for head in (f"{quantity}\n{reference}", f"\n{other}", "\nratio"):
            table.add_column(head, justify="right", no_wrap=True)
    for pair in result.comparisons:
        table.add_row(
            *named(pair),
            short(pair.first.median_steps),
            short(pair.second.median_steps),
            _times(pair.steps_ratio),
            scientific(pair.first.median_pain),
            scientific(pair.second.median_pain),
            _times(pair.pain_ratio),
        )
    return table


def show(result: Result, console: Console) -> None:
    """Print a comparison: its tables, and lines on what differs and what limits the result."""

    def print_line(line: str, style: str | None = None) -> None:
        console.print(line, style=style, markup=False, highlight=False)

    for name, folder in result.folders.items():
        console.print(f"{name} = {folder}", markup=False, highlight=False, soft_wrap=True)
    for line in result.differing:
        print_line(line)
    console.print(success_table(result))
    print_line("p: Boschloo's exact test, two-sided; rates: Wilson; differences: Newcombe", "dim")
    console.print()
    console.print(steps_and_pain_table(result))
    print_line("medians; steps: to the first success; pain: mean over the final evaluation", "dim")
    for line in (*_limits(result.comparisons), *result.remarks):
        print_line(line)


def _limits(comparisons: Sequence[Comparison]) -> list[str]:
    """Return lines on the limits of the comparisons.

    One for each pair of numbers of runs without a significant difference, with the difference that they could have
    detected, and one with the number of significant differences expected by chance alone, if there are ten comparisons
    or more.
    """
    tested = [(pair.first.runs, pair.second.runs, pair.p) for pair in comparisons if pair.p is not None]
    sizes = list(
        dict.fromkeys((one, other) for one, other, p in tested if p >= LEVEL and max(one, other) <= MOST_SEARCHED)
    )
    lines = [_limit(one, other) for one, other in sizes[:MOST_NAMED]] + more(len(sizes))
    if len(tested) * LEVEL >= 0.5:
        lines.append(f"of {len(tested)} comparisons up to {len(tested) * LEVEL:.1f} have p < .05 by chance alone")
    return lines


def _limit(one: int, other: int) -> str:
    """Return the line on which difference two groups of these numbers of runs can detect."""
    critical, least = critical_successes(one, other, LEVEL), detectable_difference(one, other, LEVEL, POWER)
    if critical is None or least is None:
        return f"{one} against {other} runs are too few to tell any difference from chance"
    return (
        f"{one} against {other} runs tell {one}/{one} from {critical}/{other}, not from {critical + 1}/{other}: "
        f"they miss a true difference below {100 * least:.2g} points more than once in 5"
    )


def _start(result: Result) -> tuple[Table, Callable[[Comparison], list[str]]]:
    """Return a table with the columns that name a pair, and a function that returns a pair's cells in them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    keys = list(dict.fromkeys(key for pair in result.comparisons for key in pair.name))
    for key in keys:
        table.add_column(_head(key, keys), overflow="fold")
    has_several = len({pair.other for pair in result.comparisons}) > 1
    if has_several:
        table.add_column(_head(result.compared, keys), overflow="fold")

    def named(pair: Comparison) -> list[str]:
        return [escape(cell) for cell in [pair.name.get(key, "") for key in keys] + [pair.other] * has_several]

    return table, named


def _head(key: str, keys: Sequence[str]) -> str:
    """Return a key's last part, or all of it if another key ends alike (controller.hidden, world_model.hidden)."""
    last = key.rpartition(".")[2]
    is_unique = not any(other != key and other.rpartition(".")[2] == last for other in keys)
    return escape((last if is_unique else key.replace(".", ".\n")).replace("_", "_\n"))


def _heads(result: Result) -> tuple[str, str]:
    """Return the headers above the numbers of the reference and of the other group."""
    others = {pair.other for pair in result.comparisons}
    equals = "" if result.folders else "="
    other = f"{equals}{others.pop()}" if len(others) == 1 else "other"
    return escape(f"{equals}{result.comparisons[0].reference}"), escape(other)


def _difference(pair: Comparison) -> str:
    """Format a difference with its Newcombe interval: `-.40 -.67..-.06`."""
    if pair.difference is None or pair.interval is None:
        return "-"
    return f"{_signed(pair.difference)} {_signed(pair.interval.low)}..{_signed(pair.interval.high)}"


def _signed(number: float) -> str:
    """Format a number from -1 to 1: `-.40`, `.00`, `+1.0`."""
    text = f"{number:+.2f}"
    return ".00" if text in ("+0.00", "-0.00") else text[0] + text[1:].removeprefix("0").replace("1.00", "1.0")


def _p(p: float | None) -> str:
    """Format a p-value: `<.001`, `.042`, `1.0`, or `-` if there is none."""
    if p is None:
        return "-"
    return "<.001" if p < 0.0005 else "1.0" if p >= 0.9995 else f"{p:.3f}".removeprefix("0")


def _times(ratio: float | None) -> str:
    """Format a ratio for a narrow column: `1.10`, or `1.0e2` if it is below .1 or at least 100."""
    return f"{ratio:.2f}" if ratio is not None and 0.1 <= ratio < 100 else scientific(ratio)
