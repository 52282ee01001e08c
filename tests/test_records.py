"""What runs leave: lines and arrays that can be read back, and survive a torn end."""

import json
from dataclasses import replace

import numpy as np
from baseline import SGD, baseline

from flipflop.core.train import train
from flipflop.sweep.plan import PlannedRun, run_key
from flipflop.sweep.records import Folder, Outcome, read

TINY = {"regime.steps": 4, "method.warmup_steps": 1, "eval.episodes": 2, "eval.episode_length": 5}


def planned(seed, **changes):
    config = baseline({**TINY, "seed": seed, **changes})
    return PlannedRun(run_key(config), "label", (f"seed={seed}",), config)


def finish(runs):
    results = train([run.config for run in runs])
    return [Outcome(run, result, None) for run, result in zip(runs, results, strict=True)]


def test_round_trip(tmp_path):
    """A block's records and arrays come back as they were, each run in its slot, and need no pickle."""
    runs = [planned(seed) for seed in (3, 5)]
    folder = Folder(tmp_path)
    folder.plan(runs)
    outcomes = finish(runs)
    written = folder.add(outcomes, seconds=3.0)

    assert read(tmp_path) == written
    for record, outcome in zip(written, outcomes, strict=True):
        result, config = outcome.result, outcome.run.config
        assert (record.status, record.label, record.seconds, record.error) == ("ok", "label", 1.5, None)
        assert record.config["regime.steps"] == 4
        assert record.config["seed"] == config.seed
        assert record.metrics["mean_pain"] == result.metrics.mean_pain
        with np.load(tmp_path / "blocks" / f"{record.block}.npz", allow_pickle=False) as block:
            np.testing.assert_array_equal(block["pain"][record.slot], result.history.pain)
            np.testing.assert_array_equal(block["controller.recurrent"][record.slot], result.controller.recurrent)
            np.testing.assert_array_equal(block["world_model.output_bias"][record.slot], result.world_model.output_bias)
    assert not list(tmp_path.rglob("*.part"))


def test_failed_runs_have_a_record_but_no_arrays(tmp_path):
    """A run that could not be trained keeps its traceback; its block-mate's slot counts without it."""
    failed, fine = planned(1), planned(2)
    folder = Folder(tmp_path)
    folder.plan([failed, fine])
    first, second = folder.add([Outcome(failed, None, "Traceback"), *finish([fine])], seconds=1.0)
    assert (first.status, first.error, first.block, first.slot, first.metrics) == (
        "failed",
        "Traceback",
        None,
        None,
        {},
    )
    assert (second.status, second.slot) == ("ok", 0)


def test_diverged_runs_say_when(tmp_path):
    """A diverged run is on record with its check, and what it has not is null, as JSON has no NaN."""
    run = planned(0, **SGD, **{"optimiser.clip_norm": None, "optimiser.lr_world_model": 1e9})
    folder = Folder(tmp_path)
    folder.plan([run])
    (record,) = folder.add(finish([run]), seconds=1.0)
    assert record.status == "diverged"
    assert "diverged by outer step 4" in record.error
    assert record.metrics["mean_pain"] is None
    assert "NaN" not in (tmp_path / "runs.jsonl").read_text()


def test_the_last_whole_line_of_a_key_counts(tmp_path):
    """A run done again replaces its earlier record; a line torn by a kill is as if it had not been written."""
    run = planned(0)
    folder = Folder(tmp_path)
    folder.plan([run])
    (record,) = folder.add(finish([run]), seconds=1.0)
    path = tmp_path / "runs.jsonl"
    line = path.read_text()
    again = {**json.loads(line), "seconds": 9.0}
    path.write_text(line + json.dumps(again) + "\n" + line[: len(line) // 2])
    assert read(tmp_path) == [replace(record, seconds=9.0)]

    other = planned(1)
    folder = Folder(tmp_path)
    folder.plan([other])
    folder.add(finish([other]), seconds=1.0)
    assert [record.config["seed"] for record in read(tmp_path)] == [0, 1]


def test_an_index_is_given_once(tmp_path):
    """A larger plan in the same folder leaves earlier runs their index, whether or not they have finished."""
    early = [planned(seed) for seed in (7, 3)]
    Folder(tmp_path).plan(early)
    late = [planned(seed) for seed in (1, 3, 7, 9)]
    folder = Folder(tmp_path)
    folder.plan(late)
    records = folder.add(finish(late), seconds=1.0)
    assert {record.config["seed"]: record.index for record in records} == {7: 0, 3: 1, 1: 2, 9: 3}
    assert [record.config["seed"] for record in read(tmp_path)] == [7, 3, 1, 9]


def test_no_records(tmp_path):
    """An empty folder has no runs."""
    assert read(tmp_path) == []
