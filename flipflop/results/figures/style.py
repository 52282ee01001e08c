"""The style of all figures, and their conversion to SVG and PNG, which depends on nothing but the figure."""

import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flipflop.records.files import write_atomically

# Okabe & Ito's palette: its colours are distinct with every common colour vision deficiency. Lines differ in their
# dashes as well, for print in grey.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)  # colours of the first, second, ... group
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))

SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # included in matplotlib
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text is stored as text, which is smaller than outlines and can be searched
    "svg.hashsalt": "flipflop",  # ids in the file do not depend on chance
}

in_style = mpl.rc_context(SETTINGS)  # a decorator of plotting functions: artists take their style on creation


@in_style
def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this width and height in inches, with a layout that cuts nothing off."""
    return Figure(figsize=(width, height), layout="constrained")


def grid(axes: Axes) -> None:
    """Add faint grid lines."""
    axes.grid(color="0.9", linewidth=0.6)


@in_style
def svg_of(figure: Figure) -> str:
    """Return a figure as an SVG element, to be embedded in a web page."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


@in_style
def png_of(figure: Figure) -> bytes:
    """Return a figure as a PNG file, to be shown in a notebook."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100, metadata={"Software": None})
    return content.getvalue()


@in_style
def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as NAME.png and NAME.svg into a folder, and return their paths.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix in ("png", "svg"):
        content = io.BytesIO()
        metadata = {"Date": None} if suffix == "svg" else {"Software": None}
        figure.savefig(content, format=suffix, dpi=150, metadata=metadata)
        paths.append(folder / f"{name}.{suffix}")
        write_atomically(paths[-1], content.getvalue())
    return paths
