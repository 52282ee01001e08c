"""Metrics: in every table, no part of what a run is, and computed from stored weights where they come later."""

import csv
from pathlib import Path

from calling import call

from flipflop.cli.run import main
from flipflop.results.load import load

TINY = ["seed=0,1", "regime.steps=30", "method.warmup_steps=5", "controller.hidden=3", "world_model.hidden=3"]
LOCAL = ["hydra.launcher.n_jobs=1"]


def rows(folder):
    return list(csv.DictReader((folder / "runs.csv").read_text().splitlines()))


def sweep(capsys, *arguments):
    code, out, errors = call(main, capsys, "-m", *TINY, *LOCAL, *arguments)
    assert (code, errors) == (0, "")
    return out


def test_a_metric_that_comes_later_trains_nothing(tmp_path, monkeypatch, capsys):
    """The same command with a metric computes it from the weights; the numbers are those of having asked at once."""
    monkeypatch.chdir(tmp_path)
    sweep(capsys, "name=later")
    before = rows(Path("outputs/sweeps/later"))
    out = sweep(capsys, "name=later", "eval.metrics=[largest_pain]")
    assert "2 runs, all of them done before" in out
    assert "2 runs of before: metrics computed from the stored weights" in out
    assert "largest" in out
    sweep(capsys, "name=once", "eval.metrics=[largest_pain]")
    later, once = (rows(Path("outputs/sweeps") / name) for name in ("later", "once"))
    for old, new, at_once in zip(before, later, once, strict=True):
        assert {name: new[name] for name in old} == old
        assert "largest_pain" not in old
        assert float(new["largest_pain"]) == float(at_once["largest_pain"]) > 0
        assert new["key"] == at_once["key"]
    summary = list(csv.DictReader(Path("outputs/sweeps/later/summary.csv").read_text().splitlines()))
    assert float(summary[0]["median_largest_pain"]) > 0


def test_a_third_call_has_nothing_to_add(tmp_path, monkeypatch, capsys):
    """A metric that is there is not computed again, and the folder's records stay whole."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        sweep(capsys, "name=twice", "eval.metrics=[largest_pain]")
    out = sweep(capsys, "name=twice", "eval.metrics=[largest_pain]")
    assert "computed" not in out
    found = load(Path("outputs/sweeps/twice"))
    assert (len(found.records), found.problems) == (2, [])
