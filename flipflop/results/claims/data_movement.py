"""The section of RESULTS.md on data movement, with and without a world model, and its figure.

Both are made from docs/results/cost.csv, whose rows flipflop.cost.growth computes; no number is typed by hand.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from flipflop.results.figures.style import BLUE, GREEN, VERMILION, grid, in_style, new_figure

TITLES = {"one_step": "two networks, one-step credit", "full": "two networks, full credit", "direct": "direct"}
LOOKS = {"one_step": (BLUE, "-", "o"), "full": (GREEN, "--", "s"), "direct": (VERMILION, "-.", "^")}
CELLS = {"elman": "Elman", "lstm": "LSTM"}
HIDDEN, LENGTH = 16, 20  # hidden units and time steps of the page's run
AXES = {"hidden": ("episode_length", LENGTH), "episode_length": ("hidden", HIDDEN)}  # {varied: (fixed, its value)}


def read(path: Path) -> pd.DataFrame:
    """Read the costs of outer steps: a row for each method, pair of cells, size and length."""
    return pd.read_csv(path)


def curve(prices: pd.DataFrame, method: str, grows: str) -> pd.DataFrame:
    """Return the rows of Elman nets that differ from the page's run in `grows` alone, by rising `grows`.

    Args:
        prices: as `read` returns them.
        method: one_step, full or direct.
        grows: hidden or episode_length.
    """
    fixed, value = AXES[grows]
    are_elman = (prices.controller == "elman") & (prices.world_model == "elman")
    rows = prices[are_elman & (prices.method == method) & (prices[fixed] == value)]
    return rows.sort_values(grows)


def exponent(prices: pd.DataFrame, method: str, grows: str) -> float:
    """Return the power of `grows` with which the cost rises from the page's size on, by least squares of logarithms.

    The cost is that of 1 byte per number; the arguments are those of `curve`.
    """
    page = {"hidden": HIDDEN, "episode_length": LENGTH}[grows]
    rows = curve(prices, method, grows)
    rows = rows[rows[grows] >= page]
    return float(np.polyfit(np.log(rows[grows]), np.log(rows.cost_1), 1)[0])


@in_style
def draw(prices: pd.DataFrame) -> Figure:
    """Plot the cost of an outer step over hidden units and over episode length, a line for each method."""
    figure = new_figure(8, 3.4)
    panels = figure.subplots(1, 2, sharey=True)
    names = {"hidden": f"hidden units of each net (T = {LENGTH})", "episode_length": f"time steps T (H = {HIDDEN})"}
    for axes, (grows, name) in zip(panels, names.items(), strict=True):
        for method, (color, dash, marker) in LOOKS.items():
            rows = curve(prices, method, grows)
            label = f"{TITLES[method]}: power {exponent(prices, method, grows):.2f}"
            axes.loglog(rows[grows], rows.cost_1, color=color, linestyle=dash, marker=marker, markersize=4, label=label)
        ticks = sorted(set(curve(prices, "direct", grows)[grows]))
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel(name)
        axes.legend(fontsize=7)
        grid(axes)
    panels[0].set_ylabel("data movement per outer step")
    figure.suptitle("ByteDMD cost of one outer step at 1 byte per number, Elman nets, Adam", fontsize=10)
    return figure


def section(prices: pd.DataFrame, figure: str) -> str:
    """Return the section as Markdown: the answer in sentences, the table of numbers and the figure.

    Args:
        prices: as `read` returns them.
        figure: the path of the figure, relative to the document.
    """
    at_page = prices[(prices.hidden == HIDDEN) & (prices.episode_length == LENGTH)]
    parts = ["## What does learning through a world model cost in data movement?", *_answers(at_page), _table(at_page)]
    rises = [
        f"{TITLES[method]} as H^{exponent(prices, method, 'hidden'):.2f} "
        f"and T^{exponent(prices, method, 'episode_length'):.2f}"
        for method in TITLES
    ]
    grown = {grows: curve(prices, "direct", grows)[grows].max() for grows in AXES}
    ratios = [_ratio(curve(prices, "one_step", grows), curve(prices, "direct", grows)) for grows in AXES]
    parts += [
        f"From the page's size on (H {HIDDEN} to {grown['hidden']}, T {LENGTH} to {grown['episode_length']}) the cost "
        f"of an outer step of Elman nets rises about as a power: {'; '.join(rises)}. One-step credit moves between "
        f"{min(low for low, _ in ratios):.2f} and {max(high for _, high in ratios):.2f} times what direct "
        "back-propagation does at all sizes and lengths priced.",
        f"![Data movement against hidden units and time steps]({figure})",
        "The model is ByteDMD's (cybertronai/ByteDMD, main at 2cc2a62): a stack of live numbers, the last used on top, "
        "reads at depth d cost ceil(sqrt(d)). Priced is all that one outer step of the program computes, traced while "
        "it runs: the first step of seed 0, without a warm-up. A solution costs M's part alone for each step of the "
        "warm-up and an outer step for each later one, to the median run's first success.",
    ]
    return "\n\n".join(parts) + "\n"


def _answers(at_page: pd.DataFrame) -> list[str]:
    """Return a paragraph for each pair of cells that compares the methods, from the rows of the page's size."""
    answers = []
    for (controller, world_model), group in at_page.groupby(["controller", "world_model"]):
        rows = group.set_index("method")
        times = rows.cost_1 / rows.cost_1["direct"]
        answer = (
            f"With an {CELLS[controller]} C and an {CELLS[world_model]} M of {HIDDEN} units and T = {LENGTH}, an outer "
            "step of the two networks moves "
            f"{times['one_step']:.2f} times what direct back-propagation moves with one-step credit, "
            f"{times['full']:.2f} times with full credit ({rows.cost_1['one_step']:,} and {rows.cost_1['full']:,} "
            f"against {rows.cost_1['direct']:,} at 1 byte per number)."
        )
        if rows.solution_cost_1.notna().all():
            to_solve = rows.solution_cost_1 / rows.solution_cost_1["direct"]
            answer += (
                f" A solution takes {rows.median_steps['one_step']:g} outer steps with one-step credit and "
                f"{rows.median_steps['full']:g} with full credit, {rows.warmup_steps['full']:g} of them M's warm-up, "
                f"against {rows.median_steps['direct']:g} (medians of {_runs(rows)} runs), and so moves "
                f"{to_solve['one_step']:.1f} and {to_solve['full']:.1f} times as much."
            )
        answers.append(answer)
    return answers


def _runs(rows: pd.DataFrame) -> str:
    """Return the numbers of runs as text: `30`, or `28 to 30`."""
    counts = sorted({int(runs) for runs in rows.runs})
    return " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))


def _table(at_page: pd.DataFrame) -> str:
    """Return the table of costs as Markdown, from the rows of the page's size."""
    head = [
        "C",
        "M",
        "method",
        "reads",
        "deepest",
        "cost, 1 byte",
        "8 bytes",
        "/ direct",
        "solved",
        "steps",
        "to solve",
    ]
    lines = [_line(head), _line(["---"] * 3 + ["---:"] * (len(head) - 3))]
    for row in at_page.itertuples():
        is_same = (at_page.controller == row.controller) & (at_page.world_model == row.world_model)
        direct = at_page[is_same & (at_page.method == "direct")].cost_1.item()
        has_runs = pd.notna(row.runs)
        lines.append(
            _line(
                [
                    CELLS[row.controller],
                    "" if row.method == "direct" else CELLS[row.world_model],
                    TITLES[row.method],
                    *(f"{count:,}" for count in (row.reads, row.deepest_read, row.cost_1, row.cost_8)),
                    f"{row.cost_1 / direct:.2f}",
                    f"{row.solved:g}/{row.runs:g}" if has_runs else "",
                    f"{row.median_steps:g}" if pd.notna(row.median_steps) else "",
                    f"{row.solution_cost_1:.3g}" if pd.notna(row.solution_cost_1) else "",
                ]
            )
        )
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    """Return a line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _ratio(rows: pd.DataFrame, direct: pd.DataFrame) -> tuple[float, float]:
    """Return the least and the greatest ratio of the costs of two curves over the same values."""
    ratios = rows.cost_1.to_numpy() / direct.cost_1.to_numpy()
    return float(ratios.min()), float(ratios.max())
