"""Tuning with Optuna: what it learns of a trial, what it never chooses, and where it is refused."""

import csv
import math
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from statistics import fmean
from types import SimpleNamespace

import pytest
import yaml
from hydra.errors import MissingConfigException
from omegaconf import OmegaConf

from flipflop.config.rules import ConfigError
from flipflop.records.store import read
from flipflop.sweep.hydra import callback, launcher, tuning
from flipflop.sweep.hydra.explain import explain
from flipflop.sweep.hydra.hydra_compat import IS_1_3

try:
    IS_INSTALLED = bool(version("hydra-optuna-sweeper"))
except PackageNotFoundError:
    IS_INSTALLED = False

needs_optuna = pytest.mark.skipif(
    not (IS_INSTALLED and IS_1_3), reason="Hydra's sweeper for Optuna is not installed, or has another Hydra"
)
TINY = ["regime.steps=60", "method.warmup_steps=20", "eval.every=20", "eval.episodes=5", "hydra.sweeper.n_trials=4"]
RATES = ["optimiser.lr_controller", "optimiser.lr_world_model"]


def tune(where, *arguments):
    """Call `-cn tune` in a new process, in a folder that is not a checkout."""
    return subprocess.run(
        [sys.executable, "-m", "flipflop.run", "-cn", "tune", *TINY, *arguments],
        cwd=where,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"},
    )


def trials(folder):
    """Return the mean pain of each pair of rates, according to the records."""
    pains = {}
    for record in read(folder).records:
        pains.setdefault(tuple(record.config[rate] for rate in RATES), []).append(record.metrics["mean_pain"])
    return {rates: fmean(values) for rates, values in pains.items()}


@pytest.mark.slow
@needs_optuna
def test_a_small_tuning(tmp_path):
    """The best trial is the recorded one with the least pain, and the same command again trains nothing."""
    run = tune(tmp_path, "name=tuned", "hydra.sweeper.n_jobs=2")
    assert run.returncode == 0, run.stderr
    folder = tmp_path / "outputs" / "sweeps" / "tuned"
    assert [record.config["seed"] for record in read(folder).records] == [0, 1, 2, 3] * 4
    pains = trials(folder)
    assert len(pains) == 4
    assert all(1e-4 <= rate <= 1e-1 for rates in pains for rate in rates)
    best = yaml.safe_load((folder / "optimization_results.yaml").read_text())
    assert best["best_value"] == min(pains.values())
    assert pains[tuple(best["best_params"][rate] for rate in RATES)] == best["best_value"]
    with (folder / "runs.csv").open(newline="") as table:
        assert len(list(csv.DictReader(table))) == 16

    lines = (folder / "runs.jsonl").read_bytes()
    again = tune(tmp_path, "name=tuned", "hydra.sweeper.n_jobs=2")
    assert again.stdout.count("8 runs, all of them done before") == 2
    assert (folder / "runs.jsonl").read_bytes() == lines
    assert yaml.safe_load((folder / "optimization_results.yaml").read_text()) == best


@pytest.mark.slow
@needs_optuna
def test_the_command_line_takes_precedence(tmp_path):
    """A rate can be fixed, a batch is one block, and results are averaged over seeds, which are never chosen."""
    fixed = ["seed=5,7", "optimiser.lr_controller=1e-3", "hydra.launcher.n_jobs=1"]
    run = tune(tmp_path, "name=tuned", *fixed)
    assert run.returncode == 0, run.stderr
    assert "8 runs in 1 block on 1 core" in run.stdout
    folder = tmp_path / "outputs" / "sweeps" / "tuned"
    assert [record.config["seed"] for record in read(folder).records] == [5, 7] * 4
    assert {record.config["optimiser.lr_controller"] for record in read(folder).records} == {1e-3}
    best = yaml.safe_load((folder / "optimization_results.yaml").read_text())
    assert best["best_params"].keys() == {"optimiser.lr_world_model"}
    assert best["best_value"] == min(trials(folder).values())


@pytest.mark.slow
@needs_optuna
def test_a_dry_run_is_refused(tmp_path):
    """A dry run is refused because Optuna's trials are not known beforehand; nothing is written."""
    run = tune(tmp_path, "dry_run=true")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "flipflop: dry_run=true is not allowed with hydra/sweeper=optuna, which has no plan\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(IS_INSTALLED, reason="Hydra's sweeper for Optuna is installed")
def test_without_the_extra(tmp_path):
    """Without the extra, one sentence names what to install, and nothing is written."""
    run = tune(tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        "flipflop: hydra/sweeper=optuna is not installed: install flipflop with its extra, flipflop[optuna]\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "extra"),
    [
        ("hydra/sweeper/optuna", "optuna"),
        ("hydra/launcher/joblib", "joblib-launcher"),
        ("hydra/launcher/submitit_local", "slurm"),
    ],
)
def test_what_is_missing_is_named(file, extra):
    """A group that comes with an extra is refused by a sentence with the extra's name."""
    group, _, choice = file.rpartition("/")
    error = MissingConfigException("Could not find it", file, ["basic", "flipflop"])
    assert explain(error) == f"{group}={choice} is not installed: install flipflop with its extra, flipflop[{extra}]"


def test_the_other_line_of_hydra(monkeypatch):
    """With Hydra 1.4, where the sweeper does not work, it is refused at once."""
    monkeypatch.setattr(tuning, "IS_1_3", False)
    with pytest.raises(
        ConfigError, match=r"^hydra/sweeper=optuna is not allowed with Hydra 1\.4, .*flipflop\[optuna\]"
    ):
        tuning.prepare_for_optuna(OmegaConf.create())


def test_seeds_stay_together():
    """Several seeds of the command line become one value for Optuna; other knobs stay alternatives."""
    for override, expected in (
        ("seed=0,1", "seed='0,1'"),
        ("seed=3", "seed=3"),
        ("controller.hidden=8,16", "controller.hidden=8,16"),
    ):
        assert tuning.quote_seeds(override) == expected


@pytest.mark.parametrize("seeds", ["'0,1,2'", "0..2", '"2..0"'])
def test_a_job_has_a_run_for_each_seed(seeds):
    """In whatever form several seeds reach the launcher, each is a run of the job."""
    runs = set(launcher._expand_seeds([f"seed={seeds}", "optimiser.lr_controller=0.01"]))
    assert runs == {(f"seed={seed}", "optimiser.lr_controller=0.01") for seed in range(3)}


@pytest.mark.parametrize(
    ("sweeper", "by", "figures", "is_plotted"),
    [
        ("optuna", "flipflop", True, True),
        ("optuna", "flipflop", False, False),
        ("flipflop", "flipflop", True, False),  # this sweeper has plotted them itself
        ("optuna", "basic", True, False),  # jobs of a stock launcher have plotted their own
    ],
)
def test_figures_after_the_last_batch(monkeypatch, tmp_path, sweeper, by, figures, is_plotted):
    """A sweep in batches is plotted once, when all batches are done."""
    plotted = []
    presenter = SimpleNamespace(draw_sweep=lambda path, _console: plotted.append(path))
    monkeypatch.setattr(callback, "presenter", lambda: presenter)
    choices = {"hydra/sweeper": sweeper, "hydra/launcher": by}
    hydra = {"runtime": {"choices": choices}, "sweep": {"dir": str(tmp_path)}}
    callback.LookFirst().on_multirun_end(OmegaConf.create({"figures": figures, "hydra": hydra}))
    assert plotted == [tmp_path] * is_plotted


def record(status="ok", pain=0.5, error=None):
    return SimpleNamespace(index=7, status=status, metrics={"mean_pain": pain}, error=error, overrides=["seed=0"])


def test_what_a_job_returns():
    """A job returns the mean over its runs, infinity if one diverged, and an error if one failed."""
    assert launcher._job_return([record(pain=0.25), record(pain=0.5)]).return_value == 0.375
    assert launcher._job_return([record(), record("diverged", None)]).return_value == math.inf
    failed = launcher._job_return([record(), record("failed", None, "Traceback\n  ...\nRuntimeError: no\n")])
    with pytest.raises(launcher.RunsFailed, match=r"^run 7 failed: RuntimeError: no$"):
        _ = failed.return_value
