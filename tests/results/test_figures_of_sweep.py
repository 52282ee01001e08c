"""The figures of a sweep: axes, labels, numbers of artists and the data that they show."""

from pathlib import Path

import numpy as np
import pytest
from baseline import RTRL, baseline
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from flipflop.config.keys import counts_in, flat
from flipflop.records.files import checksum
from flipflop.records.record import Record
from flipflop.results.figures.of_sweep import draw
from flipflop.results.figures.style import BLUE, DASHES, SERIES, VERMILION, svg_of
from flipflop.results.load import Sweep
from flipflop.statistics import wilson

PARALLEL = {"regime.name": "parallel", "regime.episodes_per_step": 16, "regime.steps": 1000}
RATE, HIDDEN = "optimiser.lr_controller", "controller.hidden"


def record(index, changes=(), overrides=(), label=None, status="ok", success=None, steps=900):
    """Return a record by hand: `overrides` without its seed, `steps` to solve, a success if there are any."""
    finished = status in ("ok", "diverged")
    success = (steps is not None and status == "ok") if success is None else success
    config = baseline({**dict(changes), "seed": index})
    return Record(
        key=f"{index:016x}",
        index=index,
        label=label,
        overrides=[f"seed={index}", *overrides],
        config=flat(config),
        origins={},
        counts_in=counts_in(config),
        status=status,
        metrics={"success": success, "steps_to_solve": steps} if finished else {},
        error=None,
        block=None,
        slot=None,
        digest=None,
        seconds=1.0,
        version=2,
    )


def of(records, folder=Path("nowhere"), pains=None):
    """Return a sweep of records; with pains, {index: row}, write their arrays, a block for each length of a row."""
    blocks = {}
    for index, row in (pains or {}).items():
        blocks.setdefault(len(row), []).append(index)
    by_index = {r.index: r for r in records}
    for length, members in blocks.items():
        path = folder / "blocks" / f"block{length}.npz"
        path.parent.mkdir(exist_ok=True)
        np.savez(path, pain=np.stack([pains[index] for index in members]))
        for slot, index in enumerate(members):
            values = {"block": f"block{length}", "slot": slot, "digest": checksum(path.read_bytes())}
            by_index[index] = Record(**{**vars(by_index[index]), **values})
    return Sweep(folder, list(by_index.values()), [], dict.fromkeys((r.key for r in records), folder), len(by_index))


def swept(key, values, seeds=1, **more):
    """Return runs over one knob, `seeds` for each value."""
    return [
        record(seeds * i + seed, {key: value}, [f"{key}={value}"], **more)
        for i, value in enumerate(values)
        for seed in range(seeds)
    ]


def regimes():
    """Return ten sequential runs of which nine succeed, and ten parallel ones that all do."""
    sequential = [record(i, {}, ["regime=sequential"], steps=None if i == 3 else 900) for i in range(10)]
    return sequential + [record(10 + i, PARALLEL, ["regime=parallel"], steps=650) for i in range(10)]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def title(figure):
    return " ".join(figure.get_suptitle().split())


def legend(figure):
    (only,) = figure.legends
    return [text.get_text() for text in only.get_texts()]


def rendered(figure):
    """Render a figure, which raises an error if its layout does not fit, and return it."""
    assert isinstance(figure, Figure)
    assert svg_of(figure).startswith("<svg")
    return figure


def test_figures_that_apply_in_their_order(tmp_path):
    """The figures come in a fixed order, without those for which a sweep has no data."""
    grid = [
        record(2 * i + j, {RATE: rate, HIDDEN: hidden}, [f"{RATE}={rate}", f"{HIDDEN}={hidden}"])
        for i, rate in enumerate((1e-3, 5e-3))
        for j, hidden in enumerate((8, 16))
    ]
    assert list(draw(of(grid, tmp_path, {r.index: np.ones(9) for r in grid}))) == ["success", "pain", "solved", "heat"]
    assert list(draw(of(regimes()))) == ["success", "solved"]
    assert list(draw(of([record(0, status="failed"), record(1, status="crashed")]))) == ["success"]


def test_accuracy_by_lag(tmp_path):
    """Counts are pooled over the runs of a group that have any."""
    runs = swept(HIDDEN, [8, 16], seeds=2)
    sweep = of(runs, tmp_path, dict.fromkeys(range(3), np.ones(9)))
    path = tmp_path / "blocks" / "block9.npz"
    correct, steps = (
        np.array([[5, 9, 0, 2], [5, 7, 0, 1], [1, 2, 0, 3]]),
        np.array([[5, 10, 0, 2], [5, 10, 0, 4], [2] * 4]),
    )
    np.savez(path, pain=np.ones((3, 9)), **{"by_lag.correct": correct, "by_lag.steps": steps})
    digest = {"digest": checksum(path.read_bytes())}
    sweep.records[:3] = [Record(**{**vars(run), **digest}) for run in sweep.records[:3]]
    figures = draw(sweep)
    assert list(figures) == ["success", "pain", "solved", "lag"]
    (axes,) = rendered(figures["lag"]).axes
    eight, sixteen = axes.lines
    np.testing.assert_allclose(eight.get_xdata(), [0, 1, 3])  # no step of lag 2 or 3 was asked
    np.testing.assert_allclose(eight.get_ydata(), [1, 16 / 20, 3 / 6])
    np.testing.assert_allclose(sixteen.get_ydata(), [0.5, 1, 0, 1.5])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "2-3", "4-7"]
    assert legend(figures["lag"]) == ["controller.hidden=8", "controller.hidden=16"]


def test_accuracy_over_the_length():
    """Means over a group's trials, in the order of lengths, include the standard test; diverged runs have none."""
    changes = {"eval.lengths": [1000, 7]}
    runs = [record(index, changes) for index in range(3)]
    for run, accuracies in zip(runs, [(1.0, 0.9, 0.5), (0.8, 0.7, 0.1), (None, None, None)], strict=True):
        names = ("mean_accuracy_at_7", "mean_accuracy", "mean_accuracy_at_1000")
        run.metrics.update(zip(names, accuracies, strict=True))
    figure = rendered(draw(of(runs))["lengths"])
    (line,) = figure.axes[0].lines
    assert line.get_xdata().tolist() == [7, 60, 1000]
    np.testing.assert_allclose(line.get_ydata(), [0.9, 0.8, 0.3])


def test_success_beside_the_claim():
    """Rates, intervals and claims are in their group's row, and differ in marker, dashes and colour."""
    figure = rendered(draw(of(regimes()))["success"])
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["regime=sequential", "regime=parallel"]
    assert texts(axes) == ["9/10", "6/10", "10/10", "20/30"]
    lines = axes.lines[:8]
    assert [line.get_xdata()[0] for line in lines[1::2]] == [0.9, 0.6, 1.0, 20 / 30]
    assert [tuple(line.get_xdata()) for line in lines[::2]] == [
        wilson(9, 10),
        wilson(6, 10),
        wilson(10, 10),
        wilson(20, 30),
    ]
    assert [line.get_marker() for line in lines[1::2]] == ["o", "D", "o", "D"]
    assert [line.get_linestyle() for line in lines[::2]] == ["-", "--", "-", "--"]
    assert all(
        same_color(line.get_color(), color) for line, color in zip(lines[::2], [BLUE, VERMILION] * 2, strict=True)
    )
    for middle, measured, claimed in zip(axes.get_yticks(), lines[1::4], lines[3::4], strict=True):
        assert measured.get_ydata()[0] < middle < claimed.get_ydata()[0] < middle + 0.2
    assert legend(figure) == ["this sweep", "the paper's claim, same regime"]
    assert title(figure) == "Success rate: 20 trials, 2 groups"
    assert "95% Wilson" in axes.get_xlabel()


def test_trials_are_runs_with_an_outcome():
    """A diverged run is a trial without success, a failed run is no trial; a group without trials says so."""
    runs = [record(0), record(1, status="diverged", steps=None), record(2, status="failed")]
    runs.append(record(3, {HIDDEN: 8}, [f"{HIDDEN}=8"], status="crashed"))
    figure = draw(of(runs))["success"]
    assert texts(figure.axes[0]) == ["1/2", "6/10", "no trial", "0/0", "6/10"]
    assert title(figure) == "Success rate: 2 trials, 2 groups; 2 failed, no trials"


def test_many_groups():
    """The figure grows up to forty rows; further groups are left out, and the title says so."""
    few, forty, more = (draw(of(swept(HIDDEN, range(1, n + 1))))["success"] for n in (4, 40, 41))
    assert forty.get_figheight() > 4 * few.get_figheight()
    assert len(more.axes[0].get_yticks()) == len(forty.axes[0].get_yticks()) == 40
    assert title(forty) == "Success rate: 40 trials, 40 groups"
    assert title(more) == "Success rate: 41 trials, the first 40 of 41 groups"


def test_pain_is_the_median_and_the_band_over_seeds(tmp_path):
    """Quantiles are over runs, at the outer steps at which the history was kept."""
    runs = [record(i, {"history.every": 10}) for i in range(5)]
    rows = np.array([[1, 2], [10, 20], [100, 200], [1000, 2000], [10000, 20000]], np.float32)
    figure = rendered(draw(of(runs, tmp_path, dict(enumerate(rows))))["pain"])
    (axes,) = figure.axes
    median, warmup = axes.lines
    assert median.get_xydata().tolist() == [[10, 100], [20, 200]]
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    # numpy's quantiles of five values: 10% lies 0.4 of the way from the first to the second, 90% as far from the last
    assert sorted(set(corners[corners[:, 0] == 10, 1])) == pytest.approx([4.6, 6400])
    assert axes.get_yscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("outer step", "training pain")
    assert legend(figure) == ["all runs (n=5)", "10-90% of runs", "warm-up ends at 500"]
    assert list(warmup.get_xdata()) == [500, 500]
    assert axes.get_xlim()[1] > 3000  # all of the training
    assert title(figure).endswith("each averaged over at most 200 parts of its steps: 5 runs, 1 group")


def test_histories_are_the_runs_own(tmp_path):
    """Reading each block once gives every run the same row as reading its arrays alone."""
    runs = [record(0), record(1), record(2), record(3, status="failed")]
    sweep = of(runs, tmp_path, {0: np.arange(4.0), 1: np.arange(4.0) + 10, 2: np.arange(5.0)})
    histories = sweep.series("pain")
    assert list(histories) == [0, 1, 2]
    for r in sweep.records[:3]:
        np.testing.assert_array_equal(histories[r.index], sweep.arrays(r)["pain"])


def test_pain_is_averaged_over_parts_of_the_training(tmp_path):
    """A long run is plotted by the means of 200 parts, of which the last may be shorter."""
    pain = np.arange(1, 1000.0)  # 999 steps: parts of 5, the last of 4
    (axes,) = draw(of([record(0)], tmp_path, {0: pain}))["pain"].axes
    line = axes.lines[0].get_xydata()
    assert len(line) == 200
    assert line[0].tolist() == [3, 3]
    assert line[-1].tolist() == [997.5, 997.5]
    assert not axes.collections  # one run has no band


def test_runs_of_several_lengths_and_warmups(tmp_path):
    """Each group has its number of steps; if warm-ups differ, none is marked."""
    runs = [record(0, {}, ["regime=sequential"]), record(1, PARALLEL, ["regime=parallel"])]
    runs.append(record(2, {"method.warmup_steps": 7}, ["method.warmup_steps=7"]))
    figure = rendered(draw(of(runs, tmp_path, {0: np.ones(30), 1: np.full(10, 2.0), 2: np.full(30, 3.0)}))["pain"])
    lines = figure.axes[0].lines
    assert [line.get_xdata()[-1] for line in lines] == [30, 10, 30]
    assert [line.get_ydata()[0] for line in lines] == [1, 2, 3]
    assert not any("warm-up ends" in text for text in legend(figure))
    assert [line.get_color() for line in lines] == list(SERIES[:3])
    assert [line.get_linestyle() for line in lines] == list(DASHES[:3])


def test_diverged_runs_have_pain_until_then(tmp_path):
    """Values after a divergence, and the huge ones just before it, are left out."""
    runs = [record(0), record(1, status="diverged", steps=None), record(2, status="diverged", steps=None)]
    nan = np.nan
    pains = {0: [1, 1, 1, nan], 1: [3, 1e200, nan, nan], 2: [nan] * 4}
    sweep = of(runs, tmp_path, {index: np.array(row) for index, row in pains.items()})
    figure = rendered(draw(sweep)["pain"])
    assert figure.axes[0].lines[0].get_xydata().tolist() == [[1, 2], [2, 1], [3, 1]]
    assert "2 runs, 1 group; 2 runs diverged, drawn until then; 1 run without a readable history" in title(figure)
    assert figure.axes[0].get_ylim()[1] < 1e6


def test_missing_and_damaged_arrays_are_left_out(tmp_path):
    """Runs of a bad file are left out and counted in the title; without any history there is no figure."""
    runs = [record(0), record(1), record(2), record(3, status="failed")]
    sweep = of(runs, tmp_path, {0: np.ones(4), 1: np.ones(5), 2: np.ones(6)})
    (tmp_path / "blocks" / "block4.npz").unlink()
    (tmp_path / "blocks" / "block5.npz").write_bytes(b"torn")
    figure = draw(sweep)["pain"]
    assert "1 run, 1 group; 3 runs without a readable history left out" in title(figure)
    (tmp_path / "blocks" / "block6.npz").unlink()
    assert list(draw(sweep)) == ["success", "solved"]


def test_no_history_no_pain(tmp_path):
    """Runs with history.every=0 have rows without columns, and no pain to plot."""
    kept_none = record(0, {"history.every": 0}, ["history.every=0"])
    assert "pain" not in draw(of([kept_none], tmp_path, {0: np.ones(0)}))
    both = of([kept_none, record(1)], tmp_path, {0: np.ones(0), 1: np.ones(4)})
    assert "1 run, 1 group; 1 run without a readable history left out" in title(draw(both)["pain"])


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_constant_pain_has_a_scale(tmp_path, value):
    """Pain of zero gets a linear axis, nearly constant pain a logarithmic one of a decade."""
    figure = rendered(draw(of([record(0)], tmp_path, {0: np.full(50, value)}))["pain"])
    low, high = figure.axes[0].get_ylim()
    assert value == 0 or high / low == pytest.approx(10)


def test_more_groups_than_lines_get_a_panel_each(tmp_path):
    """Seven groups share a plot, more have a panel each, up to fifteen, which the title says."""
    figures = {}
    for number in (7, 8, 16):
        runs = swept(HIDDEN, range(1, number + 1))
        figures[number] = draw(of(runs, tmp_path, {r.index: np.full(4, r.index + 1.0) for r in runs}))
    assert len(figures[7]["pain"].axes) == len(figures[7]["solved"].axes) == 1
    assert legend(figures[7]["pain"])[:2] == ["controller.hidden=1 (n=1)", "controller.hidden=2 (n=1)"]
    for name, entry in (("pain", "median"), ("solved", "runs not yet solved")):
        eight, sixteen = figures[8][name], figures[16][name]
        assert [axes.get_visible() for axes in eight.axes] == [True] * 8 + [False]
        assert eight.axes[5].get_xlabel() == eight.axes[7].get_xlabel() == "outer step"
        assert eight.axes[4].get_xlabel() == ""
        assert legend(eight)[0] == entry
        assert len(sixteen.axes) == 15
        assert title(sixteen).endswith("the first 15 of 16 groups")
        assert sixteen.axes[14].get_title().startswith("controller.hidden=15 (")
    assert figures[8]["pain"].axes[3].lines[0].get_ydata().tolist() == [4] * 4


def test_bands_share_a_plot_only_if_they_are_few(tmp_path):
    """Three groups with bands share a plot, four have a panel each."""
    for values, panels in (((4, 8, 16), 1), ((2, 4, 8, 16), 4)):
        runs = swept(HIDDEN, values, seeds=2)
        figures = draw(of(runs, tmp_path, {r.index: np.ones(4) for r in runs}))
        assert len(figures["pain"].axes) == panels
        assert len(figures["solved"].axes) == 1


def test_steps_to_solve_as_a_survival_curve():
    """The curve falls where runs solve; unsolved runs, also diverged ones, end at a tick."""
    runs = [record(i, steps=steps) for i, steps in enumerate((100, 100, 700, None))]
    runs.append(record(4, status="diverged", steps=None))
    runs.append(record(5, status="failed"))
    figure = draw(of(runs))["solved"]
    (axes,) = figure.axes
    curve, ticks = axes.lines
    assert curve.get_drawstyle() == "steps-post"
    np.testing.assert_allclose(curve.get_xydata(), [[0, 1], [100, 0.6], [700, 0.4], [3000, 0.4]])
    np.testing.assert_allclose(ticks.get_xydata(), [[3000, 0.4]])
    assert (ticks.get_marker(), ticks.get_linestyle()) == ("+", "None")
    assert legend(figure) == ["all runs (3/5 solved)", "training ended unsolved"]
    assert title(figure) == "Steps to solve: 5 trials, 1 group; 1 run diverged, unsolved to the end"


def test_both_tests_over_environment_steps():
    """On a stream: the share of runs that have solved each test, with the claim's rate and its 10^6 steps.

    By hand: of four runs three solve, at .2, .4 and .4 million steps, and one of them from reset, at .6 million.
    """
    runs = []
    for index, (solved, reset) in enumerate(((200_000, None), (400_000, 600_000), (400_000, None), (None, None))):
        made = record(index, RTRL | {"seed": index}, steps=solved)
        metrics = {
            "environment_steps_to_solve": solved,
            "environment_steps": 10**6,
            "success_from_reset": reset is not None,
            "steps_to_solve_from_reset": reset,
        }
        runs.append(Record(**{**vars(made), "metrics": made.metrics | metrics}))
    figures = draw(of(runs))
    assert list(figures) == ["success", "solved", "both_tests"]
    (axes,) = rendered(figures["both_tests"]).axes
    with_burn_in, from_reset, rate, steps = axes.lines
    np.testing.assert_allclose(with_burn_in.get_xdata(), [0, 0.2, 0.4, 0.4, 1])
    np.testing.assert_allclose(with_burn_in.get_ydata(), [0, 0.25, 0.5, 0.75, 0.75])
    np.testing.assert_allclose(from_reset.get_xdata(), [0, 0.6, 1])
    np.testing.assert_allclose(from_reset.get_ydata(), [0, 0.25, 0.25])
    np.testing.assert_allclose(rate.get_ydata(), 20 / 30)
    np.testing.assert_allclose(steps.get_xdata(), 1)
    assert legend(figures["both_tests"]) == [
        *("after the burn-in", "from reset", "the paper's rate", "its training steps, 10⁶")
    ]
    (axes,) = rendered(figures["solved"]).axes
    assert axes.get_xlabel() == "environment step"


def test_a_run_that_stopped_early_keeps_its_pain(tmp_path):
    """A run that stopped early counts with its last pain, else the median would be over unsolved runs only."""
    stop = {"regime.steps": 600, "history.every": 100}
    made = [record(index, RTRL | stop, steps=100) for index in range(3)]
    ended = [Record(**{**vars(r), "metrics": r.metrics | {"stopped_at": 300 * (r.index < 2) or None}}) for r in made]
    early = [0.5, 0.3, 0.1, np.nan, np.nan, np.nan]
    sweep = of(ended, tmp_path, {0: np.array(early), 1: np.array(early), 2: np.full(6, 0.7)})
    figure = draw(sweep)["pain"]
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [0.5, 0.3, 0.1, 0.1, 0.1, 0.1])
    assert "2 runs stopped early, drawn at their last pain from then on" in title(rendered(figure))


def test_a_run_that_solved_and_then_diverged_has_solved():
    """A run that solved before it diverged counts as solved in the curve, and as a trial without success."""
    figures = draw(of([record(0, status="diverged", steps=100)]))
    assert figures["solved"].axes[0].lines[0].get_xydata().tolist() == [[0, 1], [100, 0]]
    assert legend(figures["solved"]) == ["all runs (1/1 solved)"]
    assert texts(figures["success"].axes[0])[0] == "0/1"


def grid_of(values, gaps=()):
    """Return two seeds for each pair of values, of which the second fails to solve."""
    pairs = [(x, y) for x in values[0] for y in values[1] if (x, y) not in gaps]
    return [
        record(2 * i + j, {RATE: x, "optimiser.clip_norm": y}, [f"{RATE}={x}", f"optimiser.clip_norm={y}"], steps=steps)
        for i, (x, y) in enumerate(pairs)
        for j, steps in enumerate((900, None))
    ]


def test_heat_over_two_knobs():
    """Values are in numeric order with null last; cells have rates, or are hatched without trials."""
    runs = grid_of(([0.005, 0.0001, 0.001], [None, 10.0, 2.0]), gaps=[(0.001, 2.0)])
    runs[0] = record(0, {RATE: 0.005, "optimiser.clip_norm": None}, runs[0].overrides[1:], status="failed")
    runs[1] = record(1, {RATE: 0.005, "optimiser.clip_norm": None}, runs[1].overrides[1:], status="failed")
    figure = rendered(draw(of(runs))["heat"])
    axes, bar = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == (RATE, "optimiser.clip_norm")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.0001", "0.001", "0.005"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["2", "10", "null"]
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array().filled(-1), [[0.5, -1, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, -1]])
    assert image.get_clim() == (0, 1)
    assert texts(axes) == ["1/2"] * 7 + ["0/0"]
    assert sorted(patch.get_xy() for patch in axes.patches) == [(0.5, -0.5), (1.5, 1.5)]
    assert bar.get_ylabel() == "success rate (share of trials)"
    assert title(figure).endswith("14 trials; hatched: 2 cells without a trial")


def test_heat_needs_two_numeric_knobs_and_no_other():
    """There is no map of other sweeps, where cells would pool different runs or have no order."""
    one = swept(HIDDEN, (4, 8))
    named = [record(i, c, [f"regime={r}", f"{HIDDEN}={h}"]) for i, (r, c, h) in enumerate(
        (("sequential", {HIDDEN: 4}, 4), ("sequential", {HIDDEN: 8}, 8), ("parallel", {**PARALLEL, HIDDEN: 8}, 8))
    )]  # fmt: skip
    three = grid_of(([0.1, 0.2], [1.0, 2.0]))
    three.append(record(99, {"env.p_a": 0.2}, ["env.p_a=0.2"]))
    spelled = [
        record(i, {RATE: 1e-3, HIDDEN: h}, [f"{RATE}={text}", f"{HIDDEN}={h}"])
        for i, (text, h) in enumerate((("1e-3", 4), ("0.001", 8)))
    ]
    for runs in (one, named, three, spelled):
        assert "heat" not in draw(of(runs))
    assert "heat" in draw(of(grid_of(([0.1, 0.2], [1.0, 2.0]))))


def test_large_maps_keep_colours_and_drop_text():
    """A large map has no text in its cells, and the figure stays printable."""
    figure = draw(of(grid_of(([i / 100 for i in range(1, 42)], [1.0, 2.0]))))["heat"]
    assert texts(figure.axes[0]) == []
    assert figure.axes[0].images[0].get_array().shape == (2, 41)
    assert figure.get_figwidth() <= 30


def test_text_from_records_is_only_text(tmp_path):
    """A label is shown literally: as no formula, no mark-up, and without loss."""
    nasty = [r"$x_1$ \frac <script>alert(1)</script> & $$", "a" * 300, "100% $5 \x00\n{}"]
    runs = [
        record(2 * i + j, {HIDDEN: i + 1, RATE: r}, [f"{HIDDEN}={i + 1}", f"{RATE}={r}"], label=label)
        for i, label in enumerate(nasty)
        for j, r in enumerate((0.1, 0.2))
    ]
    for name, figure in draw(of(runs, tmp_path, {r.index: np.ones(4) for r in runs})).items():
        text = svg_of(figure)
        assert "<script" not in text
        if name != "heat":
            assert "x_1$" in text
            assert "&lt;script&gt;" in text


@pytest.mark.parametrize("groups", [2, 8])
def test_no_text_is_small_or_cut(tmp_path, groups):
    """All text is 8 points or larger and inside the figure, even with long names of groups."""
    names = ["world_model.init_scale", "controller.init_scale", "eval.success_fraction", "optimiser.beta1"]
    runs = [
        record(i, dict.fromkeys(names, 0.1 + 0.1 * i), [f"{name}={0.1 + 0.1 * i}" for name in names])
        for i in range(groups)
    ]
    for figure in draw(of(runs, tmp_path, {r.index: np.ones(4) for r in runs})).values():
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize") and artist.get_text()):
            assert text.get_fontsize() >= 8
        box = figure.get_tightbbox(renderer)
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.get_figwidth()
        assert box.y1 <= figure.get_figheight()
        (below,) = figure.legends
        top = below.get_window_extent(renderer).y1
        assert all(axes.get_window_extent(renderer).y0 > top for axes in figure.axes if axes.get_visible())
