"""The same runs by every way of sharing them out: the same tables, whoever trained them."""

import csv
import subprocess
import sys

import pytest
from dask_cluster import Cluster

from flipflop.results.load import load
from flipflop.results.tables import write_tables

pytestmark = pytest.mark.slow

AXES = ["-m", "seed=0..2", "regime=sequential,parallel", "regime.steps=60", "method.warmup_steps=10", "eval.episodes=5"]


def call(where, *arguments):
    run = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=where, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def tables(where, name, by_report=False):
    """The lines of runs.csv and summary.csv without what a machine takes, written again, as `report` does, or by it."""
    folder = where / "outputs" / "sweeps" / name
    if by_report:
        call(where, "flipflop.report", str(folder))
    else:
        write_tables(load(folder).records, folder)
    left = []
    for table in ("runs.csv", "summary.csv"):
        with (folder / table).open(newline="") as file:
            left.append([{k: v for k, v in row.items() if "seconds" not in k} for row in csv.DictReader(file)])
    return left


@pytest.fixture(scope="module")
def by_loky(tmp_path_factory):
    """The tables of the sweep on this machine's cores."""
    where = tmp_path_factory.mktemp("loky")
    call(where, "flipflop.run", *AXES, "name=loky")
    runs, summary = tables(where, "loky")
    assert len(runs) == 6
    assert len(summary) == 2
    return runs, summary


@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local"])
def test_stock_launchers_leave_the_same_tables(tmp_path, by_loky, launcher):
    """A job for each run, each with its folder: `report` reads them as one sweep, equal to that of our launcher."""
    out = call(tmp_path, "flipflop.run", *AXES, "name=stock", f"hydra/launcher={launcher}")
    assert "6 runs: 6 ok" in out
    assert tables(tmp_path, "stock", by_report=launcher == "submitit_local") == list(by_loky)


def test_dask_leaves_the_same_tables(tmp_path, by_loky):
    """The same on a cluster."""
    with Cluster(tmp_path / "cluster") as cluster:
        scheduler = f"hydra.launcher.scheduler={cluster.address}"
        call(tmp_path, "flipflop.run", *AXES, "name=dask", "hydra.launcher.backend=dask", scheduler)
    assert tables(tmp_path, "dask") == list(by_loky)
