"""Success over two swept knobs, as a map."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from flipflop.progress import counted
from flipflop.records.grouping import swept_keys
from flipflop.results.figures.panels import add_title, plain_text, trials_of
from flipflop.results.figures.style import in_style, new_figure
from flipflop.results.load import Group, Sweep

Floats = NDArray[np.float64]
MOST_CELLS_WITH_TEXT = 20  # along the horizontal axis of a map


@in_style
def heat(sweep: Sweep, groups: Sequence[Group]) -> Figure | None:
    """The success rate over two numeric knobs; None unless exactly two were swept, and both are numeric."""
    records = sweep.records
    keys = swept_keys(records)
    if len(keys) != 2 or not all(_is_number(record.config.get(key, "")) for record in records for key in keys):
        return None
    x_values, y_values = (_sorted({record.config[key] for record in records}) for key in keys)
    cells = {(group.records[0].config[keys[0]], group.records[0].config[keys[1]]): group for group in groups}
    if min(len(x_values), len(y_values)) < 2 or len(cells) < len(groups):
        return None  # one knob in two spellings, or groups that differ by more than these two

    with_text = len(x_values) <= MOST_CELLS_WITH_TEXT
    width, height = (0.62, 0.42) if with_text else (0.2, 0.2)
    figure = new_figure(min(max(5.0, width * len(x_values) + 2.4), 30), min(max(3.0, height * len(y_values) + 1.5), 30))
    axes = figure.subplots()
    rates = np.full((len(y_values), len(x_values)), np.nan)
    for row, y in enumerate(y_values):
        for column, x in enumerate(x_values):
            trials = trials_of(cells[x, y].records) if (x, y) in cells else []
            successes = sum(record.metrics["success"] for record in trials)
            if trials:
                rates[row, column] = successes / len(trials)
            else:
                corner = (column - 0.5, row - 0.5)
                axes.add_patch(Rectangle(corner, 1, 1, facecolor="white", edgecolor="0.7", hatch="////", linewidth=0))
            if with_text and (x, y) in cells:
                # The lower half of cividis is dark; where a cell is hatched, text needs ground to stand on.
                color = "white" if rates[row, column] < 0.5 else "black"
                ground = None if trials else {"facecolor": "white", "edgecolor": "none", "pad": 1}
                text = f"{successes}/{len(trials)}"
                axes.text(column, row, text, ha="center", va="center", color=color, fontsize=8, bbox=ground)
    image = axes.imshow(rates, cmap=colormaps["cividis"], vmin=0, vmax=1, origin="lower", aspect="auto")
    figure.colorbar(image, pad=0.02, label="success rate (share of trials)")
    x_every, y_every = (ceil(len(values) / 140) for values in (x_values, y_values))  # 30 inches hold 140 labels
    x_labels, y_labels = ([_number(value) for value in values] for values in (x_values, y_values))
    is_tight = not with_text or max(map(len, x_labels)) > 7
    axes.set_xticks(range(0, len(x_values), x_every), x_labels[::x_every], rotation=90 if is_tight else 0)
    axes.set_yticks(range(0, len(y_values), y_every), y_labels[::y_every])
    axes.set_xlabel(plain_text(keys[0]))
    axes.set_ylabel(plain_text(keys[1]))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    trials_of_all = trials_of(records)
    empty = int(np.isnan(rates).sum())
    hatched = f"; hatched: {counted(empty, 'cell')} without a trial" if empty else ""
    add_title(figure, f"Success over {' and '.join(keys)}: {counted(len(trials_of_all), 'trial')}{hatched}")
    return figure


def _is_number(value: Any) -> bool:
    """A number or null, as knobs have it that can be switched off."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _sorted(values: set[float | None]) -> list[float | None]:
    """In numeric order, null last."""
    return sorted(values, key=lambda value: (value is None, value or 0.0))


def _number(value: float | None) -> str:
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
