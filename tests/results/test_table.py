"""The sweep table, runs.csv and summary.csv, with records written by hand."""

import csv
from dataclasses import replace
from io import StringIO
from pathlib import Path

from baseline import RTRL, baseline
from rich.console import Console

from flipflop.config.keys import counts_in, flat
from flipflop.records.grouping import swept_keys
from flipflop.records.record import Record
from flipflop.records.summary import summaries
from flipflop.results.paper import claim_of
from flipflop.results.tables import write_tables
from flipflop.results.terminal.sweep_table import show_sweep, sweep_table

PARALLEL = {"regime.name": "parallel", "regime.episodes_per_step": 16, "regime.steps": 1000}


def record(index, overrides, changes=(), label=None, status="ok", steps=900, pain=1e-4, seconds=1.0):
    seed = next((int(text[5:]) for text in overrides if text.startswith("seed=")), 0)
    metrics = {
        "success": steps is not None and status == "ok",
        "mean_pain": pain if status == "ok" else None,
        "steps_to_solve": steps,
        "environment_steps_to_solve": None if steps is None else 40 * steps,
    }
    config = baseline({**dict(changes), "seed": seed})
    return Record(
        key=f"{index:016x}",
        index=index,
        label=label,
        overrides=list(overrides),
        config=flat(config),
        origins={},
        counts_in=counts_in(config),
        status=status,
        metrics=metrics if status in ("ok", "diverged") else {},
        error=None if status in ("ok", "diverged") else "Traceback\nValueError: no",
        block=None,
        slot=None,
        digest=None,
        seconds=seconds,
        version=2,
    )


def headline():
    return [
        record(2 * seed + i, [f"seed={seed}", f"regime={regime}"], changes, steps=steps, pain=10.0 ** -(seed % 4 + 3))
        for seed in range(10)
        for i, (regime, changes, steps) in enumerate((("sequential", {}, 900), ("parallel", PARALLEL, 650)))
    ]


def printed(records):
    out = StringIO()
    Console(width=80, file=out).print(sweep_table(summaries(records)))
    return out.getvalue()


def test_runs_that_differ_by_seed_are_one_row():
    """A row pools the seeds, has the claim for its regime, and is named by the swept key."""
    sequential, parallel = summaries(headline())
    assert (sequential.name, sequential.runs, sequential.successes) == ({"regime": "sequential"}, 10, 10)
    assert (claim_of(sequential.settings), claim_of(parallel.settings)) == ((6, 10), (20, 30))
    assert (sequential.median_steps, sequential.median_environment_steps) == (900, 36000)
    assert sequential.worst_pain == 1e-3
    assert sequential.seconds == 10


def test_labels_name_rows_where_they_tell_them_apart():
    """Rows are named by labels, and by keys as well if several rows have the same label."""
    labelled = [
        record(0, ["seed=0", "regime=sequential"], label="one"),
        record(1, ["seed=0", "regime=parallel"], PARALLEL, label="two"),
    ]
    assert [group.name for group in summaries(labelled)] == [{"label": "one"}, {"label": "two"}]
    shared = [*labelled, record(2, ["seed=0", "env.p_a=0.2"], {"env.p_a": 0.2}, label="one")]
    assert [group.name for group in summaries(shared)] == [
        {"label": "one", "env.p_a": "0.1"},
        {"label": "two"},  # the only row of its label
        {"label": "one", "env.p_a": "0.2"},
    ]


def test_swept_keys_are_those_that_differ():
    """Keys that are the same in all runs, and the seed, do not name rows; a missing override is the default."""
    runs = [
        record(0, ["seed=0", "regime.steps=9", "env.p_a=0.2"], {"regime.steps": 9, "env.p_a": 0.2}),
        record(1, ["seed=1", "regime.steps=9"], {"regime.steps": 9}),
    ]
    assert swept_keys(runs) == ["env.p_a"]
    assert [group.name for group in summaries(runs)] == [{"env.p_a": "0.2"}, {"env.p_a": "0.1"}]


def test_censored_runs_come_last_in_the_median():
    """The median is over all runs, with unsolved ones last; it is empty if it falls on one of them."""
    some = [record(i, [f"seed={i}"], steps=steps) for i, steps in enumerate((100, 300, None))]
    assert summaries(some)[0].median_steps == 300
    assert summaries(some[1:])[0].median_steps is None
    assert summaries(some)[0].successes == 2


def test_diverged_runs_are_trials_and_failed_ones_are_not():
    """A diverged run is a trial without success, a failed run is no trial."""
    runs = [
        record(0, ["seed=0"]),
        record(1, ["seed=1"], status="diverged", steps=None),
        record(2, ["seed=2"], status="failed"),
    ]
    (group,) = summaries(runs)
    assert (group.successes, group.runs, group.diverged, group.failed) == (1, 2, 1, 1)
    out = StringIO()
    show_sweep(runs, Path("here"), Console(width=80, file=out))
    assert "3 runs: 1 ok, 1 diverged, 1 failed; in here" in out.getvalue()
    assert "run 2 failed: ValueError: no" in out.getvalue()


def test_rows_with_and_without_a_label(tmp_path):
    """Runs with and without labels can share a folder; a label is printed literally, not as markup."""
    runs = [record(0, ["seed=0"]), record(1, ["seed=1", "env.p_a=0.2"], {"env.p_a": 0.2}, label="[/x]")]
    write_tables(runs, tmp_path)
    assert "[/x]" in printed(runs)
    assert "[/x]" in (tmp_path / "summary.csv").read_text()


def test_the_table_fits_80_columns():
    """Tables of regimes, and of a sweep over two knobs, fit without breaking a number."""
    text = printed(headline())
    assert max(map(len, text.splitlines())) <= 80
    assert "sequential  10/10 .72-1.0  6/10 .31-.83" in text
    assert "900    36k" in text
    two = [
        record(i, [f"seed={i}", f"optimiser.lr_controller={rate}", f"controller.hidden={hidden}"], changes)
        for i, (rate, hidden) in enumerate(((1e-3, 8), (1e-3, 16), (5e-3, 8), (5e-3, 16)))
        for changes in [{"optimiser.lr_controller": rate, "controller.hidden": hidden}]
    ]
    lines = printed(two).splitlines()
    assert len(lines) == 2 + 4
    assert lines[2].split()[:3] == ["0.001", "8", "1/1"]


def test_csv_files(tmp_path):
    """runs.csv has a row for each run and columns of swept keys, summary.csv a row for each group with intervals."""
    write_tables([*headline(), record(20, ["seed=10", "regime=sequential"], steps=None)], tmp_path)
    runs = list(csv.DictReader((tmp_path / "runs.csv").read_text().splitlines()))
    assert list(runs[0])[:6] == ["index", "key", "label", "status", "regime", "seed"]
    assert list(runs[0])[-1] == "seconds"
    assert [row["seed"] for row in runs][:3] == ["0", "0", "1"]
    assert runs[20]["steps_to_solve"] == ""
    sequential, parallel = csv.DictReader((tmp_path / "summary.csv").read_text().splitlines())
    assert (sequential["runs"], sequential["successes"], parallel["paper_trials"]) == ("11", "10", "30")
    assert round(float(parallel["success_low"]), 4) == 0.7225


def on_stream(index, schedule, steps, from_reset):
    """Return a record of a run on a stream, whose outer steps are environment steps."""
    changes = RTRL | {"method.schedule": schedule, "method.warmup_steps": 300_000}
    made = record(index, [f"seed={index}", f"method.schedule={schedule}"], changes, steps=steps)
    return replace(made, metrics=made.metrics | {"environment_steps_to_solve": steps, "success_from_reset": from_reset})


def test_runs_on_a_stream():
    """The schedule decides the claim; there is a column for the test from reset, and none for outer steps."""
    runs = [on_stream(0, "concurrent", 40_000, True), on_stream(1, "concurrent", 60_000, False)]
    runs.append(on_stream(2, "model_first", None, True))
    together, first = summaries(runs)
    assert (claim_of(together.settings), claim_of(first.settings)) == ((20, 30), (6, 10))
    assert (together.successes_from_reset, first.successes_from_reset) == (1, 1)
    header, units, concurrent, model_first = printed(runs).splitlines()
    assert (header.split(), units.split()[-4:]) == (
        ["success", "paper", "from", "env.", "median", "worst", "CPU"],
        ["steps", "pain", "pain", "s"],
    )
    assert concurrent.split() == [
        "concurrent",
        "2/2",
        ".34-1.0",
        "20/30",
        ".49-.81",
        "1/2",
        "50k",
        "1.0e-4",
        "1.0e-4",
        "2.0",
    ]
    assert model_first.split()[5:7] == ["1/1", "-"]
    assert "from" not in printed(headline())


def test_a_table_of_both_kinds_of_runs():
    """If some runs are on a stream, the table has environment steps only; names are never broken."""
    runs = [*headline(), on_stream(20, "concurrent", 40_000, True)]
    header, *_ = printed(runs).splitlines()
    assert "outer" not in header
    assert "env." in header
    names = [f"world_model.hidden={8 + i}" for i in range(3)]
    many = [
        replace(
            on_stream(i, "concurrent", 40_000, True), overrides=[f"seed={i}", name, f"controller.hidden={name[-2:]}"]
        )
        for i, name in enumerate(names)
    ]
    many = [replace(r, config=r.config | {"world_model.hidden": i, "controller.hidden": i}) for i, r in enumerate(many)]
    assert all(len(line) <= 80 for line in printed(many).splitlines())


def test_labels_with_the_same_settings_are_rows_of_their_own():
    """Runs with the same settings and different labels are in different rows."""
    runs = [record(i, [f"seed={i}"], label="first" if i < 2 else "fresh") for i in range(5)]
    assert [(row.name, row.runs) for row in summaries(runs)] == [({"label": "first"}, 2), ({"label": "fresh"}, 3)]


def test_names_come_before_what_can_be_spared():
    """If long names need the room, optional columns are dropped, and no name is broken."""
    overrides = [("method=world_model", "regime=sequential"), ("method=direct", "regime=parallel")]
    changes = [{}, {"method": "direct", "regime.name": "parallel"}]
    rows = summaries(
        [record(i, names, change) for i, (names, change) in enumerate(zip(overrides, changes, strict=True))]
    )
    out = StringIO()
    Console(file=out, width=80).print(sweep_table(rows))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].startswith("world_model  sequential  1/1 .21-1.0")
    assert "median" in lines[0]
    assert "env." not in lines[0]


def test_what_is_kept_of_a_run_makes_no_other_trial():
    """Runs that differ only in what is recorded are one group, and with the same seed one trial."""
    records = [
        record(0, ("seed=0",)),
        record(1, ("seed=1",), {"snapshots.every": 50}),
        record(2, ("seed=0", "history.every=7"), {"history.every": 7}),
    ]
    (row,) = summaries(records)
    assert (row.runs, row.successes) == (2, 2)
    assert swept_keys(records) == []
