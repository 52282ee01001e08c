"""The same runs by every launcher and backend give the same tables."""

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
    """Write runs.csv and summary.csv again, in this process or by `report`; return their rows without the seconds."""
    folder = where / "outputs" / "sweeps" / name
    if by_report:
        call(where, "flipflop.report", str(folder))
    else:
        write_tables(load(folder).records, folder)
    contents = []
    for table in ("runs.csv", "summary.csv"):
        with (folder / table).open(newline="") as file:
            contents.append([{k: v for k, v in row.items() if "seconds" not in k} for row in csv.DictReader(file)])
    return contents


@pytest.fixture(scope="module")
def by_loky(tmp_path_factory):
    """Return the tables of the sweep trained on this machine's cores."""
    where = tmp_path_factory.mktemp("loky")
    call(where, "flipflop.run", *AXES, "name=loky")
    runs, summary = tables(where, "loky")
    assert len(runs) == 6
    assert len(summary) == 2
    return runs, summary


@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local"])
def test_stock_launchers_leave_the_same_tables(tmp_path, by_loky, launcher):
    """A stock launcher's folders, one per job, are read as one sweep, equal to that of flipflop's launcher."""
    out = call(tmp_path, "flipflop.run", *AXES, "name=stock", f"hydra/launcher={launcher}")
    assert "6 runs: 6 ok" in out
    assert tables(tmp_path, "stock", by_report=launcher == "submitit_local") == list(by_loky)


def test_dask_leaves_the_same_tables(tmp_path, by_loky):
    """A sweep on a dask cluster gives the same tables."""
    with Cluster(tmp_path / "cluster") as cluster:
        scheduler = f"hydra.launcher.scheduler={cluster.address}"
        call(tmp_path, "flipflop.run", *AXES, "name=dask", "hydra.launcher.backend=dask", scheduler)
    assert tables(tmp_path, "dask") == list(by_loky)
