"""The layout of a figure of several groups: one plot or a panel per group, colours, axis labels and the legend."""

from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from flipflop.results.figures.style import BLUE, DASHES, SERIES, grid, new_figure
from flipflop.results.figures.titles import wrap_text
from flipflop.results.load import Group

MOST_LINES = len(SERIES)  # lines that can be distinguished in one plot
MOST_PANELS = 15


class Place(NamedTuple):
    """The axes in which a group is plotted, and its line style."""

    axes: Axes
    color: str
    dash: Any


class Layout(NamedTuple):
    """A figure with axes for groups, and the legend entries of their lines."""

    figure: Figure
    places: list[Place]  # one for each group that is shown, the first MOST_PANELS at most
    entries: list[Line2D | Patch]


def lay_out(names: Sequence[str], most: int, height: float, y_label: str, line_label: str, x_label: str) -> Layout:
    """Return a figure with one plot for all groups if there are at most `most`, else with a panel for each group.

    Panels share their axes' limits. Only the first MOST_PANELS groups get one.

    Args:
        names: of the groups.
        most: the largest number of groups that share one plot.
        height: of the one plot in inches, without title and legend.
        y_label: of the y-axes, short enough for a panel.
        line_label: what a line shows: the legend entry where each panel has one line.
        x_label: of the x-axes.
    """
    if len(names) <= most:
        return _one_plot(names, height, y_label, x_label)
    return _panels(names, y_label, line_label, x_label)


def _one_plot(names: Sequence[str], height: float, y_label: str, x_label: str) -> Layout:
    """Return a figure in which all groups share one plot, each with its own colour and dashes."""
    styles = list(zip(SERIES, DASHES, strict=True))[: len(names)]
    entries = [legend_line(color, dash, name) for (color, dash), name in zip(styles, names, strict=True)]
    lines = sum(str(entry.get_label()).count("\n") + 1 for entry in entries)
    figure = new_figure(8, height + 1.2 + 0.18 * lines)
    axes = figure.subplots()
    grid(axes)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    return Layout(figure, [Place(axes, color, dash) for color, dash in styles], [*entries])


def _panels(names: Sequence[str], y_label: str, line_label: str, x_label: str) -> Layout:
    """Return a figure with a panel for each of the first groups, in two or three columns."""
    shown = [wrap_text(name, 38) for name in names[:MOST_PANELS]]
    columns = min(len(shown), 2 if len(shown) == 4 else 3)
    rows = ceil(len(shown) / columns)
    lines = max(name.count("\n") + 1 for name in shown)
    figure = new_figure(9, (1.6 + 0.15 * lines) * rows + 1.2)
    panels = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    for axes in panels[len(shown) - columns : len(shown)]:  # the lowest panel of each column
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(x_label)
    for axes in panels[::columns]:
        axes.set_ylabel(y_label)
    for axes, name in zip(panels, shown, strict=False):
        grid(axes)
        axes.set_title(name, fontsize=8)
    places = [Place(axes, BLUE, "-") for axes in panels[: len(shown)]]
    return Layout(figure, places, [legend_line(BLUE, "-", line_label)])


def steps_label(groups: Sequence[Group]) -> str:
    """Return the label of an axis of training steps: what the groups' runs count their training in."""
    steps = {group.records[0].counts_in for group in groups}
    return steps.pop() if len(steps) == 1 else "outer step (of the 1990 algorithm: environment step)"


def span_training(places: Sequence[Place], groups: Sequence[Group]) -> int:
    """Set the limits of the x-axes to the longest training of these groups, and return its number of outer steps."""
    end = max(int(group.records[0].config["regime.steps"]) for group in groups)
    places[0].axes.set_xlim(-0.02 * end, 1.02 * end)  # panels share it
    return end


def legend_line(color: str, dash: Any, name: str) -> Line2D:
    """Return the legend entry of a line."""
    return Line2D([], [], color=color, linestyle=dash, label=wrap_text(name, 90))


def add_legend(figure: Figure, entries: Sequence[Line2D | Patch]) -> None:
    """Add a legend below the plots, in as many columns as its longest entry leaves room for."""
    longest = max(len(line) for entry in entries for line in str(entry.get_label()).split("\n"))
    columns = max(1, min(len(entries), 100 // (longest + 8)))
    figure.legend(handles=entries, loc="outside lower center", ncols=columns, fontsize=8, handlelength=3.5)
