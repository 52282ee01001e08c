"""How groups share the panels of a figure: places, colours, legends and titles."""

import textwrap
from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from flipflop.progress import counted
from flipflop.records.record import FINISHED, Record
from flipflop.results.figures.style import BLUE, DASHES, SERIES, grid, new_figure
from flipflop.results.load import Group

Floats = NDArray[np.float64]
MOST_LINES = len(SERIES)  # in one plot; more groups get one each
MOST_PANELS = 15


def trials_of(records: Sequence[Record]) -> list[Record]:
    """Runs with an outcome: a diverged one was a trial without success, a failed one was none."""
    return [record for record in records if record.status in FINISHED]


class Place(NamedTuple):
    """Where and how a group is drawn."""

    axes: Axes
    color: str
    dash: Any


def lay_out(
    names: Sequence[str], most: int, height: float, y_label: str, alone: str, x_label: str
) -> tuple[Figure, list[Place], list[Line2D | Patch]]:
    """One plot for all groups if they are few, else one for each of the first; and the legend's entries for lines.

    Args:
        names: of the groups.
        most: groups in one plot.
        height: of the one plot in inches, without title and legend.
        y_label: short enough for the small ones.
        alone: what a line is, to be said in the legend if it need not tell groups apart.
        x_label: what the plots are over.
    """
    if len(names) <= most:
        looks = [legend_line(color, dash, name) for color, dash, name in zip(SERIES, DASHES, names, strict=False)]
        lines = sum(str(look.get_label()).count("\n") + 1 for look in looks)
        figure = new_figure(8, height + 1.2 + 0.18 * lines)
        axes = figure.subplots()
        grid(axes)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        return figure, [Place(axes, *look) for look in zip(SERIES, DASHES, strict=True)][: len(names)], [*looks]

    drawn = [wrapped(name, 38) for name in names[:MOST_PANELS]]
    columns = min(len(drawn), 2 if len(drawn) == 4 else 3)
    rows = ceil(len(drawn) / columns)
    lines = max(name.count("\n") + 1 for name in drawn)
    figure = new_figure(9, (1.6 + 0.15 * lines) * rows + 1.2)
    panels = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for axes in panels[len(drawn) :]:
        axes.set_visible(False)
    for axes in panels[len(drawn) - columns : len(drawn)]:
        axes.tick_params(labelbottom=True)  # of the last row, or over a place that stays empty
        axes.set_xlabel(x_label)
    for axes in panels[::columns]:
        axes.set_ylabel(y_label)
    for axes, name in zip(panels, drawn, strict=False):
        grid(axes)
        axes.set_title(name, fontsize=8)
    return figure, [Place(axes, BLUE, "-") for axes in panels[: len(drawn)]], [legend_line(BLUE, "-", alone)]


def span_training(places: Sequence[Place], drawn: Sequence[Group]) -> int:
    """Show all of the longest training; returns its outer steps."""
    end = max(int(group.records[0].config["regime.steps"]) for group in drawn)
    places[0].axes.set_xlim(-0.02 * end, 1.02 * end)  # panels share it
    return end


def legend_line(color: str, dash: Any, name: str) -> Line2D:
    return Line2D([], [], color=color, linestyle=dash, label=wrapped(name, 90))


def add_legend(figure: Figure, looks: Sequence[Line2D | Patch]) -> None:
    """A legend under the plots, in as many columns as its longest entry leaves room for."""
    longest = max(len(line) for look in looks for line in str(look.get_label()).split("\n"))
    columns = max(1, min(len(looks), 100 // (longest + 8)))
    figure.legend(handles=looks, loc="outside lower center", ncols=columns, fontsize=8, handlelength=3.5)


def add_title(figure: Figure, text: str) -> None:
    """A title over the figure, in lines of about the same length."""
    most = int(11.5 * figure.get_figwidth())
    lines = wrapped(text, most).count("\n")
    width = next(width for width in range(1, most + 1) if wrapped(text, width).count("\n") <= lines)
    figure.suptitle(wrapped(text, width), fontsize=10)


def groups_drawn(drawn: int, number: int) -> str:
    return counted(number, "group") if drawn == number else f"the first {drawn} of {number:,} groups"


def wrapped(text: str, width: int) -> str:
    """Text from a record in lines of so many characters; a number like 1e-3 is not cut at its sign."""
    return "\n".join(map(plain_text, textwrap.wrap(text, width, break_on_hyphens=False)))


def plain_text(text: str) -> str:
    """Text that matplotlib shows as it is: `$` begins no formula, and what no font has is a question mark."""
    return "".join(sign if sign.isprintable() else "?" for sign in text).replace("$", r"\$")
