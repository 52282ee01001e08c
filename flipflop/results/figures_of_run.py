"""One run in five pictures, the page's: its course, a test episode, both nets' weights, and the pain landscape.

They are drawn from the saved record alone: config, history and final weights.
"""

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

from flipflop.config import step_of
from flipflop.results.replay import ACTIONS, Episode, fresh_episodes, has_world_model, landscapes, net_of
from flipflop.results.style import BLACK, BLUE, ORANGE, VERMILION, grid, in_style, new_figure
from flipflop.sweep.records import Arrays, Record

Floats = NDArray[np.floating]

SMOOTHED_OVER = 1 / 60  # of the course: the window of the moving median in the training curves
MOST_BINS = 500  # of a course's range
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


def draw(record: Record, arrays: Arrays) -> dict[str, Figure]:
    """All figures of a run, by name.

    Args:
        record: of a run that has arrays: its status is ok or diverged.
        arrays: the run's own (flipflop.results.load.Sweep.arrays).
    """
    controller, world_model = (net_of(arrays, name) for name in NETS)
    figures: dict[str, Figure] = {}
    if len(arrays["pain"]):
        figures["training_curves"] = training_curves(record, arrays)
    (episode,) = fresh_episodes(controller, world_model, record.config)
    figures["test_episode"] = test_episode(record, episode)
    figures["controller_weights"] = weights(record, arrays, "controller")
    if has_world_model(record.config):
        figures["world_model_weights"] = weights(record, arrays, "world_model")
        figures["pain_landscape"] = pain_landscape(record, arrays)
    return figures


def _of(record: Record) -> str:
    """Which run, for a title."""
    regime = record.config.get("regime.name", "")
    diverged = ", diverged" if record.status == "diverged" else ""
    return f"run {record.index}, seed {record.config.get('seed')}, {regime}{diverged}"


def _title(figure: Figure, text: str) -> None:
    figure.suptitle(text, fontsize=10, parse_math=False)


@in_style
def training_curves(record: Record, arrays: Arrays) -> Figure:
    """Pain, the world model's loss if there is one, and accuracy over training."""
    labels = {
        "pain": "pain of C\n(squared distance)",
        "world_model_loss": "loss of M\n(½ squared error)",
        "accuracy": "accuracy of C\n(part of time steps)",
    }
    if not has_world_model(record.config):
        del labels["world_model_loss"]
    figure = new_figure(7, 2 * len(labels))
    _title(figure, f"Training, {_of(record)}")
    every = record.config["history.every"]
    steps = every * np.arange(1, len(arrays["pain"]) + 1)
    warmup = record.config["method.warmup_steps"]
    axes: NDArray[Any] = figure.subplots(len(labels), 1, sharex=True)
    for (name, label), ax in zip(labels.items(), axes, strict=True):
        series = arrays[name].astype(float)
        _draw_course(ax, steps, series)
        ax.set_ylabel(label)
        grid(ax)
        if name == "accuracy":
            ax.set_ylim(-0.03, 1.03)
        else:
            ax.set_yscale("log", nonpositive="mask")
        if 0 < warmup < record.config["regime.steps"]:
            ax.axvline(warmup, color=BLACK, linestyle=":", linewidth=1, label="C begins to learn")
    axes[-1].set_xlabel(step_of(record.config))
    axes[-1].set_xlim(0, record.config["regime.steps"])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _draw_course(ax: Axes, steps: Floats, series: Floats) -> None:
    """A course in at most MOST_BINS parts: the range of each, as all its points would show, and the moving median."""
    size = -(-len(series) // MOST_BINS)
    starts = np.arange(0, len(series), size)
    middles = np.minimum(starts + size // 2, len(series) - 1)
    low, high = np.fmin.reduceat(series, starts), np.fmax.reduceat(series, starts)
    ax.fill_between(steps[middles], low, high, color="0.78", linewidth=0.5, label="range of outer steps")
    ax.plot(steps[middles], smoothed(series)[middles], color=BLUE, linewidth=1.6, label="moving median")
    if len(series) == 1:
        ax.plot(steps, series, color=BLUE, marker="o")


def smoothed(series: Floats) -> Floats:
    """The moving median over SMOOTHED_OVER of a course, shorter at its ends; NaN where all of a window is."""
    half = int(len(series) * SMOOTHED_OVER / 2)
    padded = np.concatenate([np.full(half, np.nan), series, np.full(half, np.nan)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    out = np.full(len(series), np.nan)
    seen = ~np.isnan(windows).all(axis=1)
    out[seen] = np.nanmedian(windows[seen], axis=1)
    return out


@in_style
def test_episode(record: Record, episode: Episode) -> Figure:
    """Events, the desired latch and the action, pain and predicted pain of one episode after training."""
    figure = new_figure(8, 5.5)
    _title(figure, f"One test episode after training, {_of(record)}: {episode.accuracy:.0%} of its time steps right")
    axes: NDArray[Any] = figure.subplots(3, 1, sharex=True, height_ratios=(1, 2, 2))
    t = np.arange(1, len(episode.desired) + 1)
    draw_events(axes[0], episode)
    draw_latch(axes[1], episode)
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))

    axes[2].plot(t, episode.pain, color=VERMILION, label="pain")
    if episode.predicted is not None:
        axes[2].plot(t, episode.predicted, color=BLUE, linestyle="--", label="pain predicted\nby M")
    axes[2].set_ylabel("pain")
    top = axes[2].get_ylim()[1]
    axes[2].set_ylim(-0.04 * top, top)  # so that no pain at all is seen beside the axis
    axes[2].set_xlabel("time step")
    axes[2].legend(loc="upper left", bbox_to_anchor=(1, 1))
    grid(axes[2])
    axes[2].set_xlim(0.5, len(t) + 0.5)
    return figure


def draw_events(ax: Axes, episode: Episode) -> None:
    """A mark for each event, in rows."""
    for row, marker in enumerate(("v", "^", "x")):
        at = np.flatnonzero(episode.events[:, row]) + 1
        ax.plot(at, np.full(len(at), row), linestyle="", marker=marker, color=BLACK, markersize=5)
    ax.set_yticks(range(3), ["A (to 0)", "B (to 1)", "X"])
    ax.set_ylim(2.6, -0.6)
    ax.set_ylabel("event")
    ax.tick_params(axis="y", length=0)


def draw_latch(ax: Axes, episode: Episode) -> None:
    """The desired latch as a step, the action as dots on a line."""
    t = np.arange(1, len(episode.desired) + 1)
    ax.step(t, episode.desired, where="mid", color=BLACK, linewidth=1.2, label="desired latch")
    ax.plot(t, episode.actions, color=ORANGE, marker="o", markersize=3, linewidth=1, label="action y")
    ax.set_ylim(-0.08, 1.08)
    ax.set_ylabel("latch")
    grid(ax)


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
    _title(figure, f"{NETS[net]} weights{which}, {_of(record)}")
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


@in_style
def pain_landscape(record: Record, arrays: Arrays) -> Figure:
    """M's predicted pain over the action in five latch contexts, beside the true pain."""
    views = landscapes(net_of(arrays, "controller"), net_of(arrays, "world_model"), record.config)
    figure = new_figure(11, 3.8)
    _title(figure, f"Pain landscape: what M predicts for every action, {_of(record)}")
    axes: NDArray[Any] = figure.subplots(1, len(views), sharey=True)
    for view, ax in zip(views, axes, strict=True):
        ax.plot(ACTIONS, view.predicted, color=BLUE, linewidth=1.8, label="predicted by M")
        ax.plot(ACTIONS, view.true, color=BLACK, linestyle="--", linewidth=1, label="true, (y - desired)²")
        ax.axvline(view.desired, color=VERMILION, linestyle=":", linewidth=2, label="desired", clip_on=False)
        best = int(view.predicted.argmin())
        ax.plot(
            ACTIONS[best],
            view.predicted[best],
            marker="o",
            linestyle="",
            color=ORANGE,
            markeredgecolor=BLACK,
            clip_on=False,
            zorder=5,
            label="M's minimum",
        )
        ax.set_title(view.context, fontsize=9)
        ax.set_xlabel(f"action y\n\n|minimum - desired| {view.distance:.3f}\nRMSE of M {view.error:.3f}")
        ax.set_xlim(-0.03, 1.03)
        ax.set_xticks([0, 0.5, 1])
        grid(ax)
    axes[0].set_ylabel("pain")
    axes[0].set_ylim(-0.03, 1.05)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
