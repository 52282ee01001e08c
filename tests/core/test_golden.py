"""The published program's runs, number for number."""

import json
from pathlib import Path

import numpy as np
import pytest
from baseline import baseline

from flipflop.core.train import train

RUNS = {run["name"]: run for run in json.loads(Path(__file__).with_name("golden_runs.json").read_text())}


def config_of(run):
    settings = run["settings"]
    return baseline(
        {
            "seed": settings["seed"],
            "env.episode_length": settings["episode_length"],
            "controller.hidden": settings["hidden"],
            "controller.init_scale": settings["init_scale"],
            "world_model.hidden": settings["hidden"],
            "world_model.init_scale": settings["init_scale"],
            "optimiser.lr_controller": settings["lr_controller"],
            "optimiser.lr_world_model": settings["lr_world_model"],
            "regime.name": settings["regime"],
            "regime.episodes_per_step": settings["episodes_per_step"],
            "regime.steps": settings["steps"],
            "method.credit": settings["through_model"],
            "method.warmup_steps": settings["warmup_steps"],
            "eval.episodes": run["eval"]["episodes"],
            "eval.episode_length": run["eval"]["episode_length"],
            "eval.seed": run["eval"]["seed"],
        }
    )


@pytest.mark.parametrize("names", [["seq0", "seq1", "seq2"], ["par0"], ["full_seq0"]], ids="-".join)
def test_golden_runs(names):
    """The core reproduces the published program: its histories, its final evaluations and its final weights."""
    runs = [RUNS[name] for name in names]
    for run, result in zip(runs, train([config_of(run) for run in runs]), strict=True):
        steps = [int(step) for step in run["history"]]
        for name, series in vars(result.history).items():
            golden = [record[name] for record in run["history"].values()]
            np.testing.assert_allclose(series[steps], golden, rtol=0, atol=1e-6, err_msg=f"{run['name']} {name}")

        metrics, evaluation = result.metrics, run["eval"]
        assert metrics.solved_episodes == evaluation["solved_episodes"]
        assert metrics.mean_accuracy == pytest.approx(evaluation["mean_accuracy"], rel=1e-8)
        assert metrics.mean_pain == pytest.approx(evaluation["mean_pain"], rel=1e-8)

        for name in ("controller", "world_model"):
            weights = getattr(result, name)
            sums, absolute_sums = [w.sum() for w in weights], [np.abs(w).sum() for w in weights]
            np.testing.assert_allclose(sums, run["sum_of_weights"][name], rtol=1e-8)
            np.testing.assert_allclose(absolute_sums, run["sum_of_absolute_weights"][name], rtol=1e-8)
