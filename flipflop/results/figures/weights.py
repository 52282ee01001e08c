"""The figure of a net's weights: every matrix as a Hinton diagram, or as an image if it is large."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from flipflop.records.arrays import Arrays
from flipflop.records.record import Record
from flipflop.results.figures.labels import gates_of, inputs_of
from flipflop.results.figures.style import BLUE, VERMILION, in_style, new_figure
from flipflop.results.figures.titles import add_title, run_title

Floats = NDArray[np.floating]
LARGEST_HINTON = 64  # rows or columns; the squares of larger matrices would be too small, so they become images
LIGHT = "#FBD9A0"  # of negative weights
IMAGE_COLOURS = "cividis"  # from dark for negative to light for positive weights, in print in grey too
SQUARE = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5)])
SQUARE_CODES = (Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY)
NETS = {"controller": "Controller (C)", "world_model": "World model (M)"}


@in_style
def weights(record: Record, arrays: Arrays, net: str) -> Figure:
    """Plot every matrix of a net as a Hinton diagram; of an ensemble, those of the first model.

    Args:
        record: of the run.
        arrays: of the run.
        net: controller or world_model.
    """
    is_ensemble = arrays[f"{net}.output_bias"].ndim > 0
    names = ("input", "recurrent", "bias", "output", "output_bias")
    parts = {name: arrays[f"{net}.{name}"][0 if is_ensemble else ...].astype(float) for name in names}
    rows, hidden = parts["recurrent"].shape  # an LSTM has a row for each of the four gates of a hidden unit
    everything = np.abs(np.concatenate([part.ravel() for part in parts.values()]))
    largest = float(everything[np.isfinite(everything)].max(initial=0)) or 1.0

    is_image = max(rows, hidden) > LARGEST_HINTON
    cell = 0.19 * min(1, LARGEST_HINTON / rows, 40 / hidden)  # inches
    figure = new_figure(max(cell * (hidden + 11) + 4, 7), cell * max(rows, 8) + 2.5)
    member = ", first of the ensemble" if is_ensemble else ""
    add_title(figure, f"{NETS[net]} weights{member}, {run_title(record)}")
    axes: NDArray[Any] = figure.subplots(
        2, 3, width_ratios=(6, max(hidden, 4), 1), height_ratios=(max(rows, 4), 1), squeeze=False
    )
    hinton(axes[0, 0], parts["input"], largest, is_image)
    hinton(axes[0, 1], parts["recurrent"], largest, is_image)
    hinton(axes[0, 2], parts["bias"][:, None], largest, is_image)
    hinton(axes[1, 1], parts["output"][None], largest, is_image)
    hinton(axes[1, 2], parts["output_bias"].reshape(1, 1), largest, is_image)
    inputs = inputs_of(record.config, net, parts["input"].shape[1])
    _label(axes, inputs, gates_of(record.config, net, rows // hidden), hidden)
    if is_image:
        figure.colorbar(ScalarMappable(Normalize(-largest, largest), IMAGE_COLOURS), ax=axes, label="weight")
    else:
        styles = ((f"full cell: +{largest:.2g}", BLUE, BLUE), (f"full cell: -{largest:.2g}", LIGHT, VERMILION))
        handles = [
            Line2D([], [], ls="", marker="s", markersize=9, mfc=face, mec=edge, label=label)
            for label, face, edge in styles
        ]
        figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _label(axes: NDArray[Any], inputs: Sequence[str], gates: Sequence[str], hidden: int) -> None:
    """Label the (2, 3) axes of a net's matrices: the weights into the hidden units above, those to the output below."""
    axes[0, 0].set_title("from inputs")
    axes[0, 0].set_xticks(range(len(inputs)), inputs, rotation=90)
    axes[0, 1].set_title("from hidden units one step before")
    axes[0, 2].set_title("bias")
    axes[0, 2].set_xticks([])
    for ax in axes[0, :2]:
        ax.set_ylabel("to hidden unit" if len(gates) == 1 else f"to gates {', '.join(gates)} of hidden units")
    for ax in axes[0] if len(gates) > 1 else ():
        ax.set_yticks(range(0, len(gates) * hidden, hidden), [f"{gate} 0" for gate in gates])
    axes[1, 1].set_xlabel("to the output, from hidden units")
    axes[1, 2].set_xlabel("bias")
    axes[1, 2].set_xticks([])
    for ax in axes[1]:
        ax.set_yticks([])
    axes[1, 0].axis("off")


def hinton(ax: Axes, matrix: Floats, largest: float, is_image: bool) -> None:
    """Plot a matrix as a Hinton diagram: a square for each weight, whose area is proportional to its absolute value.

    Squares of positive weights are dark, those of negative ones light with an edge. Weights that are not finite, as in
    a diverged net, are left out.

    Args:
        ax: where to plot.
        matrix: (rows, columns), weights.
        largest: the absolute value whose square fills its cell.
        is_image: plot an image of the weights instead.
    """
    rows, columns = matrix.shape
    matrix = np.where(np.isfinite(matrix), matrix, 0)
    ax.set_xlim(-0.5, columns - 0.5)
    ax.set_ylim(rows - 0.5, -0.5)
    ax.set_facecolor("0.93")
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0)
    if is_image:
        ax.imshow(matrix, cmap=IMAGE_COLOURS, vmin=-largest, vmax=largest, aspect="auto", interpolation="nearest")
        return
    ax.set_aspect("equal")
    for number, axis in ((columns, ax.xaxis), (rows, ax.yaxis)):
        axis.set_ticks(range(0, number, 5))
    sides = np.sqrt(np.abs(matrix) / largest)
    for sign, face, edge in ((1, BLUE, BLUE), (-1, LIGHT, VERMILION)):
        at = np.argwhere(np.sign(matrix) == sign)
        corners = at[:, None, ::-1] + sides[tuple(at.T)][:, None, None] * SQUARE
        codes = np.tile(SQUARE_CODES, len(at))
        squares = Path(corners.reshape(-1, 2), codes)  # one path for all: a tenth of the file size of many paths
        ax.add_patch(PathPatch(squares, facecolor=face, edgecolor=edge, linewidth=0.6))
