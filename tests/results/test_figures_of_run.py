"""The figures of a run: what is plotted with which labels, not the pixels."""

from dataclasses import replace

import numpy as np
import pytest
from baseline import SGD, baseline
from matplotlib.figure import Figure

from flipflop.config.keys import counts_in, flat
from flipflop.core.train import train
from flipflop.records.arrays import arrays_of
from flipflop.records.configs import config_of
from flipflop.records.nets import net_of
from flipflop.records.record import Record
from flipflop.results.figures.of_run import plot
from flipflop.results.figures.pain_landscape import pain_landscape
from flipflop.results.figures.style import save, svg_of
from flipflop.results.figures.test_episode import plot_events, right_steps
from flipflop.results.figures.test_episode import test_episode as plot_episode
from flipflop.results.figures.training_curves import moving_median, training_curves
from flipflop.results.figures.weights import weights
from flipflop.results.replay import ACTIONS, Replay

SMALL = {"regime.steps": 60, "controller.hidden": 5, "world_model.hidden": 3}
TINY = SMALL | {"method.warmup_steps": 20}


def trained(changes=(), warms_up=True):
    """Train a tiny run; return its record, without what figures do not read, and its arrays."""
    config = baseline((TINY if warms_up else SMALL) | dict(changes))
    (result,) = train([config])
    record = Record(
        key="", index=7, label=None, overrides=[], config=flat(config), origins={},
        counts_in=counts_in(config), status=result.status, metrics={}, error=None,
        block="", slot=0, digest="", seconds=0, version=2,
    )  # fmt: skip
    return record, {name: stack[0] for name, stack in arrays_of([result]).items()}


@pytest.fixture(scope="module")
def run():
    return trained()


def titles(figure):
    return figure.get_suptitle()


def test_all_of_a_run(run, tmp_path):
    """A run has five figures that name it; their PNG and SVG files are the same each time."""
    figures = plot(*run)
    assert list(figures) == [
        "training_curves",
        "test_episode",
        "controller_weights",
        "world_model_weights",
        "pain_landscape",
    ]
    for name, figure in figures.items():
        assert "run 7, seed 0, sequential" in titles(figure)
        paths = save(figure, tmp_path / "first", name)
        assert [path.name for path in paths] == [f"{name}.png", f"{name}.svg"]
        assert paths[0].read_bytes().startswith(b"\x89PNG")
    for name, figure in plot(*run).items():
        for path in save(figure, tmp_path / "second", name):
            assert path.read_bytes() == (tmp_path / "first" / path.name).read_bytes()
    assert svg_of(figure).startswith("<svg")


def test_training_curves(run):
    """Pain and loss have logarithmic axes, accuracy one from 0 to 1; each has its range and moving median."""
    record, arrays = run
    axes = training_curves(record, arrays).axes
    assert [ax.get_yscale() for ax in axes] == ["log", "log", "linear"]
    assert axes[-1].get_xlabel() == "outer step"
    assert axes[0].get_ylabel() == "pain of C\n(squared distance)"
    assert axes[-1].get_ylabel() == "accuracy of C\n(part of time steps)"
    for ax, name in zip(axes, ("pain", "world_model_loss", "accuracy"), strict=True):
        (curve,) = (line for line in ax.lines if line.get_label() == "moving median")
        np.testing.assert_array_equal(curve.get_xdata(), np.arange(1, 61))
        np.testing.assert_array_equal(curve.get_ydata(), moving_median(arrays[name]))
        (band,) = ax.collections
        heights = band.get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == (arrays[name].min(), arrays[name].max())
        (warmup,) = (line for line in ax.lines if line.get_label() == "C begins to learn")
        assert list(warmup.get_xdata()) == [20, 20]


def test_thinned_history():
    """The axis counts outer steps, whichever of them were kept; without a history there is no figure."""
    record, arrays = trained({"history.every": 4})
    curve = training_curves(record, arrays).axes[0].lines[0]
    np.testing.assert_array_equal(curve.get_xdata(), np.arange(4, 61, 4))
    record, arrays = trained({"history.every": 0})
    assert "training_curves" not in plot(record, arrays)


def test_the_moving_median():
    """The window of the median shrinks at the ends and ignores NaN."""
    series = np.arange(240.0)
    series[100] = 1e9
    smooth = moving_median(series)
    assert smooth[50] == 50
    assert smooth[0] == 1  # of 0, 1, 2
    assert 99 <= smooth[100] <= 102
    series[120:] = np.nan
    assert np.isnan(moving_median(series)[130:]).all()
    assert moving_median(np.array([3.0])).tolist() == [3.0]


def test_the_test_episode(run):
    """Every event has a mark; desired action, action, pain and prediction are those of the replayed episode."""
    record, arrays = run
    (episode,) = Replay(config_of(record)).fresh_episodes(net_of(arrays, "controller"), net_of(arrays, "world_model"))
    events, action, pain = plot_episode(record, episode).axes
    for row, line in enumerate(events.lines):
        np.testing.assert_array_equal(line.get_xdata() - 1, np.flatnonzero(episode.events[:, row]))
    assert [line.get_marker() for line in events.lines] == ["v", "^", "x"]
    lines = {line.get_label(): line.get_ydata() for ax in (action, pain) for line in ax.lines}
    assert set(lines) == {"desired action", "action y", "pain", "pain predicted\nby M"}
    np.testing.assert_array_equal(lines["desired action"], episode.desired)
    np.testing.assert_array_equal(lines["action y"], episode.actions)
    np.testing.assert_array_equal(lines["pain predicted\nby M"], episode.predicted)
    assert pain.get_xlabel() == "time step"
    assert action.get_ylabel() == "action"
    assert "of its time steps right" in titles(plot_episode(record, episode)).replace("\n", " ")


def test_marks_of_another_world(run):
    """Arrows say where the latch goes: no channel of another world has one, as an up that points down."""
    record, arrays = run
    (episode,) = Replay(config_of(record)).fresh_episodes(net_of(arrays, "controller"), net_of(arrays, "world_model"))
    ax = Figure().subplots()
    plot_events(ax, episode._replace(events=np.eye(80, 4)), ["U", "D", "Z", "X"])
    assert [line.get_marker() for line in ax.lines] == ["o", "s", "d", "x"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["U", "D", "Z", "X"]


@pytest.mark.parametrize(
    ("settings", "pain", "accuracy"),
    [
        ({"env.name": "latch", "env.pain_at": "x"}, "pain of C\n(squared distance)", "part of judged steps"),
        ({"env.name": "toggle"}, "pain of C", "part of judged steps"),
        ({"env.name": "of_a_plugin"}, "pain of C", "part of judged steps"),
    ],
)
def test_labels_in_other_worlds(run, settings, pain, accuracy):
    """Curves say nothing that holds in the page's world alone."""
    record, arrays = run
    axes = training_curves(replace(record, config=record.config | settings), arrays).axes
    assert axes[0].get_ylabel() == pain
    assert accuracy in axes[-1].get_ylabel()


def test_judged_time_steps():
    """Where only some actions are judged, the title counts these."""
    record, arrays = trained({"env.pain_at": "x"})
    (episode,) = Replay(config_of(record)).fresh_episodes(net_of(arrays, "controller"), net_of(arrays, "world_model"))
    title = titles(plot_episode(record, episode)).replace("\n", " ")
    assert f"{episode.accuracy:.0%} of its judged time steps right" in title
    assert right_steps(episode._replace(asked=np.zeros_like(episode.asked))) == "none of its time steps judged"


def squares_of(patch):
    return patch.get_path().vertices.reshape(-1, 5, 2)


@pytest.mark.parametrize(("net", "last"), [("controller", "last y"), ("world_model", "y")])
def test_hinton_diagrams(run, net, last):
    """Each weight is a square of its size at its place, in the style of its sign; inputs have labels."""
    record, arrays = run
    figure = weights(record, arrays, net)
    named = figure.axes[0]
    assert [label.get_text() for label in named.get_xticklabels()] == ["A", "B", "X", "1", "pain", last]
    parts = [arrays[f"{net}.{part}"] for part in ("input", "recurrent", "bias", "output", "output_bias")]
    largest = max(np.abs(part).max() for part in parts)
    areas = np.full(arrays[f"{net}.input"].shape, np.nan)
    for sign, patch in zip((1, -1), named.patches, strict=True):
        for corners in squares_of(patch):
            (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
            areas[round((y0 + y1) / 2), round((x0 + x1) / 2)] = sign * (x1 - x0) ** 2 * largest
    np.testing.assert_allclose(areas, arrays[f"{net}.input"], rtol=1e-9)
    squares = sum(len(squares_of(patch)) for ax in figure.axes for patch in ax.patches)
    assert squares == sum(np.count_nonzero(part) for part in parts)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        f"full cell: +{largest:.2g}",
        f"full cell: -{largest:.2g}",
    ]


def test_large_nets_are_images():
    """Large matrices are images: squares would be too small, and the files megabytes."""
    record, arrays = trained({"controller.hidden": 100, "regime.steps": 2})
    figure = weights(record, arrays, "controller")
    assert all(len(ax.images) == 1 for ax in (*figure.axes[:3], *figure.axes[4:6]))
    assert figure.axes[-1].get_ylabel() == "weight"  # a scale of colours
    assert len(svg_of(figure)) < 500_000


def test_the_pain_landscape(run):
    """There is one panel for each context, with the prediction, the true pain and the errors."""
    record, arrays = run
    views = Replay(config_of(record)).landscapes(net_of(arrays, "controller"), net_of(arrays, "world_model"))
    axes = pain_landscape(record, views).axes
    assert [ax.get_title() for ax in axes] == [view.context for view in views]
    for view, ax in zip(views, axes, strict=True):
        predicted, true, desired, minimum = ax.lines
        np.testing.assert_array_equal(predicted.get_ydata(), view.predicted)
        np.testing.assert_allclose(true.get_ydata(), (ACTIONS - view.desired) ** 2)
        assert list(desired.get_xdata()) == [view.desired, view.desired]
        assert minimum.get_ydata()[0] == view.predicted.min()
        assert f"{view.distance:.3f}" in ax.get_xlabel()
        assert f"{view.error:.3f}" in ax.get_xlabel()


def test_direct_runs_have_no_world_model_to_draw():
    """With method=direct there is no figure of a world model."""
    record, arrays = trained({"method": "direct"}, warms_up=False)
    figures = plot(record, arrays)
    assert list(figures) == ["training_curves", "test_episode", "controller_weights"]
    assert len(figures["training_curves"].axes) == 2
    assert [line.get_label() for line in figures["test_episode"].axes[2].lines] == ["pain"]


def test_an_lstms_gates_are_named():
    """The four rows of an LSTM are labelled by their gates."""
    record, arrays = trained({"controller.cell": "lstm"})
    axes = weights(record, arrays, "controller").axes
    assert axes[0].get_ylabel() == "to gates i, f, g, o of hidden units"
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["i 0", "f 0", "g 0", "o 0"]


@pytest.mark.parametrize(
    "changes",
    [
        SGD
        | {
            "optimiser.lr_controller": 1e9,
            "optimiser.lr_world_model": 1e9,
            "optimiser.clip_norm": None,
            "eval.every": 10,
        },
        {"dtype": "float32"},
        {"controller.hidden": 1, "world_model.hidden": 1},
        {"regime.steps": 1, "method.warmup_steps": 0},
        {"controller.init_scale": 0.0, "world_model.init_scale": 0.0, "method.warmup_steps": 100},
    ],
)
def test_unusual_runs(changes, tmp_path):
    """Diverged runs, single precision, the smallest nets, one step and all-zero weights can be plotted."""
    record, arrays = trained(changes)
    for name, figure in plot(record, arrays).items():
        save(figure, tmp_path, name)
    if "optimiser" in changes:
        assert record.status == "diverged"
        assert "diverged" in titles(figure)
