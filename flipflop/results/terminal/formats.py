"""Formats of numbers in the cells of tables, and of their units."""

from flipflop import parts
from flipflop.statistics import wilson


def rate(successes: int, trials: int) -> str:
    """Format a rate with its 95% Wilson interval: `6/10 .31-.83`."""
    if trials == 0:
        return "0/0"
    low, high = ("1.0" if bound == 1 else f"{bound:.2f}".removeprefix("0") for bound in wilson(successes, trials))
    return f"{successes}/{trials} {low}-{high}"


def count_of(successes: int | None, trials: int) -> str:
    """Format a rate as `6/10`, or as empty text if there is none."""
    return "" if successes is None else f"{successes}/{trials}"


def short(number: float | None) -> str:
    """Format a number of steps for a narrow column: 36,000 as `36k`, None as `-`."""
    if number is None:
        return "-"
    return f"{number:,.0f}" if number < 10_000 else f"{number / 1000:,.0f}k"


def scientific(number: float | None) -> str:
    """Format a number for a narrow column: 0.00012 as `1.2e-4`, None as `-`."""
    if number is None:
        return "-"
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def unit_of(metric: str) -> str:
    """Return the unit of an outside or optional metric as ` pain`, to follow a number; empty if it is not known."""
    unit: str = parts.get("metric", metric).make.unit if metric in parts.names("metric") else ""
    return f" {unit}" if unit else ""
