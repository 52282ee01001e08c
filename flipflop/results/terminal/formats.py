"""Numbers in the cells of tables."""

from flipflop.statistics import wilson


def rate(successes: int, trials: int) -> str:
    """`6/10 .31-.83`: a rate with its Wilson interval."""
    if trials == 0:
        return "0/0"
    low, high = ("1.0" if bound == 1 else f"{bound:.2f}".removeprefix("0") for bound in wilson(successes, trials))
    return f"{successes}/{trials} {low}-{high}"


def count_of(successes: int | None, trials: int) -> str:
    return "" if successes is None else f"{successes}/{trials}"


def short(number: float | None) -> str:
    """Steps short enough for a column: 36,000 as 36k."""
    if number is None:
        return "-"
    return f"{number:,.0f}" if number < 10_000 else f"{number / 1000:,.0f}k"


def scientific(number: float | None) -> str:
    """A number short enough for a column: 0.00012 as 1.2e-4."""
    if number is None:
        return "-"
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"
