"""The files of sweeps/: each states a question and its cost, and all of its runs can be run."""

import re
from pathlib import Path

import pytest
import yaml

from flipflop import configs
from flipflop.config.ranges import expand
from flipflop.records.planned import run_key

SWEEPS = sorted((Path(__file__).parents[2] / "sweeps").glob("*.yaml"))
OF_THE_BENCH = ("smoke", "tune")  # about this program, not about the page


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_a_sweep_file_says_what_it_asks(path):
    """The header has a question, its cost and the command, and what the page says if the question is about the page."""
    header = [line.removeprefix("# ") for line in path.read_text().splitlines() if line.startswith("#")]
    assert header[0].startswith("Question: ")
    assert header[-1].strip() == f"python -m flipflop.run -cn {path.stem}"
    assert any(re.match(r"Cost: .*(seconds|minutes|hours)", line) for line in header)
    assert path.stem in OF_THE_BENCH or any(line.startswith("The page: ") for line in header)


PLANNED = [path for path in SWEEPS if path.stem != "tune"]  # Optuna chooses the rates of tune


@pytest.mark.parametrize("path", PLANNED, ids=lambda path: path.stem)
def test_every_arm_is_another_and_can_be_run(path):
    """Each grid composes to valid runs, and no run has two labels."""
    content = yaml.safe_load(path.read_text())
    sweeper = content["hydra"]["sweeper"]
    grids = sweeper.get("grids") or [{"label": "all", "params": sweeper["params"]}]
    shared = sweeper.get("base") or {}
    groups = [entry for entry in content["defaults"] if isinstance(entry, dict)]
    chosen = [f"{key.removeprefix('override ')}={choice}" for entry in groups for key, choice in entry.items()]
    seen = {}
    for grid in grids:
        # One seed is enough here: the rules for seeds are tested elsewhere.
        params = shared | (grid.get("params") or {})
        texts = [f"{key}={value}" for key, value in params.items() if key != "seed"]
        arms = configs("seed=0", *chosen, *texts)
        seeds = expand("seed", str(params["seed"])).split(",")
        assert len(set(seeds)) == len(seeds) >= 4
        assert arms
        for config in arms:
            assert seen.setdefault(run_key(config), set()).isdisjoint(seeds), grid["label"]
            seen[run_key(config)].update(seeds)
    labels = [grid["label"] for grid in grids]
    assert len(set(labels)) == len(labels)
