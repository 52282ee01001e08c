"""The figure of success over two swept knobs: a map with a cell for each pair of values."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from flipflop.plurals import counted
from flipflop.records.grouping import swept_keys
from flipflop.results.figures.style import in_style, new_figure
from flipflop.results.figures.titles import add_title, plain_text
from flipflop.results.load import Group, Sweep

Floats = NDArray[np.float64]
Knob = float | None  # the value of a swept knob; null where it is switched off
MOST_CELLS_WITH_TEXT = 20  # columns of a map whose cells have room for text
MOST_TICKS = 140  # labels of an axis of 30 inches


@in_style
def heat(sweep: Sweep, groups: Sequence[Group]) -> Figure | None:
    """Plot the success rate over two numeric knobs; None unless exactly two were swept and both are numeric."""
    records = sweep.records
    keys = swept_keys(records)
    if len(keys) != 2 or not all(_is_number(record.config.get(key, "")) for record in records for key in keys):
        return None
    x_values, y_values = (_sorted({record.config[key] for record in records}) for key in keys)
    cells = {(group.records[0].config[keys[0]], group.records[0].config[keys[1]]): group for group in groups}
    if min(len(x_values), len(y_values)) < 2 or len(cells) < len(groups):
        return None  # a knob has one value in two spellings, or groups differ by more than these two knobs

    with_text = len(x_values) <= MOST_CELLS_WITH_TEXT
    width, height = (0.62, 0.42) if with_text else (0.2, 0.2)  # inches of a cell
    figure = new_figure(min(max(5.0, width * len(x_values) + 2.4), 30), min(max(3.0, height * len(y_values) + 1.5), 30))
    axes = figure.subplots()
    rates = _plot_cells(axes, cells, x_values, y_values, with_text)
    image = axes.imshow(rates, cmap=colormaps["cividis"], vmin=0, vmax=1, origin="lower", aspect="auto")
    figure.colorbar(image, pad=0.02, label="success rate (share of trials)")
    _label_axes(axes, keys, x_values, y_values, with_text)
    trials = sum(len(group.trials) for group in groups)
    empty = int(np.isnan(rates).sum())
    hatched = f"; hatched: {counted(empty, 'cell')} without a trial" if empty else ""
    add_title(figure, f"Success over {' and '.join(keys)}: {counted(trials, 'trial')}{hatched}")
    return figure


def _plot_cells(
    axes: Axes,
    cells: dict[tuple[Knob, Knob], Group],
    x_values: Sequence[Knob],
    y_values: Sequence[Knob],
    with_text: bool,
) -> Floats:
    """Hatch the cells without a trial and write the counts into cells.

    Returns:
        The success rates, (y values, x values); NaN where there is no trial.
    """
    rates = np.full((len(y_values), len(x_values)), np.nan)
    for row, y in enumerate(y_values):
        for column, x in enumerate(x_values):
            trials = cells[x, y].trials if (x, y) in cells else []
            successes = sum(record.metrics["success"] for record in trials)
            if trials:
                rates[row, column] = successes / len(trials)
            else:
                corner = (column - 0.5, row - 0.5)
                axes.add_patch(Rectangle(corner, 1, 1, facecolor="white", edgecolor="0.7", hatch="////", linewidth=0))
            if with_text and (x, y) in cells:
                # White text on the dark lower half of the colour map; on hatching, the text has a white background.
                color = "white" if rates[row, column] < 0.5 else "black"
                background = None if trials else {"facecolor": "white", "edgecolor": "none", "pad": 1}
                text = f"{successes}/{len(trials)}"
                axes.text(column, row, text, ha="center", va="center", color=color, fontsize=8, bbox=background)
    return rates


def _label_axes(
    axes: Axes, keys: Sequence[str], x_values: Sequence[Knob], y_values: Sequence[Knob], with_text: bool
) -> None:
    """Label both axes and their ticks: each value, or every n-th where there are too many."""
    x_every, y_every = (ceil(len(values) / MOST_TICKS) for values in (x_values, y_values))
    x_labels, y_labels = ([_number(value) for value in values] for values in (x_values, y_values))
    is_tight = not with_text or max(map(len, x_labels)) > 7
    axes.set_xticks(range(0, len(x_values), x_every), x_labels[::x_every], rotation=90 if is_tight else 0)
    axes.set_yticks(range(0, len(y_values), y_every), y_labels[::y_every])
    axes.set_xlabel(plain_text(keys[0]))
    axes.set_ylabel(plain_text(keys[1]))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _is_number(value: Any) -> bool:
    """Return whether a value is a number or null, which some knobs have when they are switched off."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _sorted(values: set[Knob]) -> list[Knob]:
    """Return values in numeric order, null last."""
    return sorted(values, key=lambda value: (value is None, value or 0.0))


def _number(value: Knob) -> str:
    """Return a value as text."""
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
