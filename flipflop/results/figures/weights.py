"""The weights of a net as a Hinton diagram."""

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
from flipflop.results.figures.style import BLUE, VERMILION, in_style, new_figure
from flipflop.results.figures.titles import add_title, run_title

Floats = NDArray[np.floating]
LARGEST_HINTON = 64  # rows or columns; larger matrices are drawn as an image, where squares would not be seen
LIGHT = "#FBD9A0"  # of negative weights
IMAGE_COLOURS = "cividis"  # from dark, negative, to light: in grey too
SQUARE = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5)])
SQUARE_CODES = (Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY)
INPUTS_OF = {
    "controller": ("A", "B", "X", "1", "pain", "last y"),
    "world_model": ("A", "B", "X", "1", "pain", "y"),
}


NETS = {"controller": "Controller (C)", "world_model": "World model (M)"}


@in_style
def weights(record: Record, arrays: Arrays, net: str) -> Figure:
    """Every matrix of a net as a Hinton diagram: the area of a square is the size of a weight, its look the sign.

    Of an ensemble, the first model's.
    """
    inputs = INPUTS_OF[net]
    of_one = 0 if arrays[f"{net}.output_bias"].ndim else ...
    names = ("input", "recurrent", "bias", "output")
    parts = {part: arrays[f"{net}.{part}"][of_one].astype(float) for part in names}
    output_bias = float(arrays[f"{net}.output_bias"][of_one])
    rows, hidden = parts["recurrent"].shape  # an LSTM has rows for four gates
    everything = np.abs(np.concatenate([part.ravel() for part in parts.values()] + [np.array([output_bias])]))
    largest = float(everything[np.isfinite(everything)].max(initial=0)) or 1.0

    images = max(rows, hidden) > LARGEST_HINTON
    cell = 0.19 * min(1, LARGEST_HINTON / rows, 40 / hidden)  # inches
    figure = new_figure(max(cell * (hidden + 11) + 4, 7), cell * max(rows, 8) + 2.5)
    which = "" if of_one is ... else ", first of the ensemble"
    add_title(figure, f"{NETS[net]} weights{which}, {run_title(record)}")
    axes: NDArray[Any] = figure.subplots(
        2, 3, width_ratios=(6, max(hidden, 4), 1), height_ratios=(max(rows, 4), 1), squeeze=False
    )
    hinton(axes[0, 0], parts["input"], largest, images)
    axes[0, 0].set_title("from inputs")
    axes[0, 0].set_xticks(range(6), inputs, rotation=90)
    hinton(axes[0, 1], parts["recurrent"], largest, images)
    axes[0, 1].set_title("from hidden units one step before")
    hinton(axes[0, 2], parts["bias"][:, None], largest, images)
    axes[0, 2].set_title("bias")
    axes[0, 2].set_xticks([])
    for ax in axes[0, :2]:
        ax.set_ylabel("to hidden unit" if rows == hidden else "to gates i, f, g, o of hidden units")
    for ax in axes[0] if rows > hidden else ():
        ax.set_yticks(range(0, rows, hidden), [f"{gate} 0" for gate in "ifgo"])
    hinton(axes[1, 1], parts["output"][None], largest, images)
    axes[1, 1].set_xlabel("to the output, from hidden units")
    hinton(axes[1, 2], np.array([[output_bias]]), largest, images)
    axes[1, 2].set_xlabel("bias")
    axes[1, 2].set_xticks([])
    for ax in axes[1]:
        ax.set_yticks([])
    axes[1, 0].axis("off")
    if images:
        figure.colorbar(ScalarMappable(Normalize(-largest, largest), IMAGE_COLOURS), ax=axes, label="weight")
    else:
        looks = ((f"full cell: +{largest:.2g}", BLUE, BLUE), (f"full cell: -{largest:.2g}", LIGHT, VERMILION))
        handles = [
            Line2D([], [], ls="", marker="s", markersize=9, mfc=face, mec=edge, label=label)
            for label, face, edge in looks
        ]
        figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def hinton(ax: Axes, matrix: Floats, largest: float, is_image: bool) -> None:
    """Draw a matrix: dark filled squares are positive weights, light ones with an edge negative; or as an image."""
    rows, columns = matrix.shape
    matrix = np.where(np.isfinite(matrix), matrix, 0)  # a diverged net's
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
        squares = Path(corners.reshape(-1, 2), codes)  # one path of many squares: a tenth of the bytes of many paths
        ax.add_patch(PathPatch(squares, facecolor=face, edgecolor=edge, linewidth=0.6))
