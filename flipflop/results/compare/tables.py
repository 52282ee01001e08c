"""Comparisons as tables and as CSV, with what chance leaves of them."""

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
    """A comparison as one row per pair of groups, unrounded: what --csv writes."""
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
    return {
        "reference": result.folders.get(pair.reference, pair.reference),
        "other": result.folders.get(pair.other, pair.other),
    }


def success_table(result: Result) -> Table:
    """Rates, their differences and p, for a terminal of 80 columns."""
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


def course_table(result: Result) -> Table:
    """Median steps and pain, and their ratios, for a terminal of 80 columns."""
    table, named = _start(result)
    reference, other = _heads(result)
    for what in ("steps", "pain"):
        for head in (f"{what}\n{reference}", f"\n{other}", "\nratio"):
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
    """Print a comparison."""

    def say(line: str, style: str | None = None) -> None:
        console.print(line, style=style, markup=False, highlight=False)

    for name, folder in result.folders.items():
        console.print(f"{name} = {folder}", markup=False, highlight=False, soft_wrap=True)
    for line in result.differing:
        say(line)
    console.print(success_table(result))
    say("p: Boschloo's exact test, two-sided; rates: Wilson; differences: Newcombe", "dim")
    console.print()
    console.print(course_table(result))
    say("medians; steps: to the first success; pain: mean over the final evaluation", "dim")
    for line in (*_limits(result.comparisons), *result.remarks):
        say(line)


def _limits(comparisons: Sequence[Comparison]) -> list[str]:
    """What so many runs could not have shown, wherever nothing was shown; and what many comparisons show by chance."""
    told = [(pair.first.runs, pair.second.runs, pair.p) for pair in comparisons if pair.p is not None]
    sizes = list(
        dict.fromkeys((one, other) for one, other, p in told if p >= LEVEL and max(one, other) <= MOST_SEARCHED)
    )
    lines = [_limit(one, other) for one, other in sizes[:MOST_NAMED]] + more(len(sizes))
    if len(told) * LEVEL >= 0.5:
        lines.append(f"of {len(told)} comparisons up to {len(told) * LEVEL:.1f} have p < .05 by chance alone")
    return lines


def _limit(one: int, other: int) -> str:
    critical, least = critical_successes(one, other, LEVEL), detectable_difference(one, other, LEVEL, POWER)
    if critical is None or least is None:
        return f"{one} against {other} runs are too few to tell any difference from chance"
    return (
        f"{one} against {other} runs tell {one}/{one} from {critical}/{other}, not from {critical + 1}/{other}: "
        f"they miss a true difference below {100 * least:.2g} points more than once in 5"
    )


def _start(result: Result) -> tuple[Table, Callable[[Comparison], list[str]]]:
    """A table with the columns that name a pair, and what stands in them."""
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
    """A key's last part, unless another key ends alike: controller.hidden and world_model.hidden."""
    last = key.rpartition(".")[2]
    is_clear = not any(other != key and other.rpartition(".")[2] == last for other in keys)
    return escape((last if is_clear else key.replace(".", ".\n")).replace("_", "_\n"))


def _heads(result: Result) -> tuple[str, str]:
    """What stands above the numbers of the reference, and of the others."""
    others = {pair.other for pair in result.comparisons}
    equals = "" if result.folders else "="
    other = f"{equals}{others.pop()}" if len(others) == 1 else "other"
    return escape(f"{equals}{result.comparisons[0].reference}"), escape(other)


def _difference(pair: Comparison) -> str:
    """`-.40 -.67..-.06`: a difference with its Newcombe interval."""
    if pair.difference is None or pair.interval is None:
        return "-"
    return f"{_signed(pair.difference)} {_signed(pair.interval.low)}..{_signed(pair.interval.high)}"


def _signed(number: float) -> str:
    text = f"{number:+.2f}"
    return ".00" if text in ("+0.00", "-0.00") else text[0] + text[1:].removeprefix("0").replace("1.00", "1.0")


def _p(p: float | None) -> str:
    if p is None:
        return "-"
    return "<.001" if p < 0.0005 else "1.0" if p >= 0.9995 else f"{p:.3f}".removeprefix("0")


def _times(ratio: float | None) -> str:
    """A ratio short enough for a column."""
    return f"{ratio:.2f}" if ratio is not None and 0.1 <= ratio < 100 else scientific(ratio)
