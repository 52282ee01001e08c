"""Sweeps on a real dask cluster: the bits of loky, through lost workers, a lost scheduler, and Ctrl-C."""

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from dask_cluster import Cluster, wait_for
from test_faults import NAME, RUNS, SWEEP, Sweep, assert_whole, grief

import flipflop
from flipflop.records.store import read

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of the same sweep by loky."""
    where = tmp_path_factory.mktemp("whole")
    assert Sweep(where).end()[0] == 0
    return where / NAME


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory):
    """A cluster for the tests that leave it as it was."""
    with Cluster(tmp_path_factory.mktemp("unharmed") / "cluster") as cluster:
        yield cluster


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers, for one test."""
    with Cluster(tmp_path / "cluster") as cluster:
        yield cluster


def on(cluster, *changes):
    """The arguments of the sweep on a cluster."""
    changed = {argument.partition("=")[0] for argument in changes}
    kept = [
        argument
        for argument in SWEEP
        if argument.partition("=")[0] not in changed and not argument.startswith("hydra.launcher.n_jobs")
    ]
    return [*kept, "hydra.launcher.backend=dask", f"hydra.launcher.scheduler={cluster.address}", *changes]


def finish(where, whole, cluster):
    """Run the same command again: it finishes, and the sweep is whole."""
    code, out, errors = Sweep(where, on(cluster)).end()
    assert (code, errors) == (0, "")
    assert_whole(where, whole)
    return out


def done_in(where):
    path = where / NAME / "runs.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_the_same_bits_as_by_loky(tmp_path, whole, unharmed):
    """Every record, array and line of runs.csv is that of the processes of one machine; again, nothing is trained."""
    out = finish(tmp_path, whole, unharmed)
    assert f"{RUNS} runs in 6 blocks on 2 workers" in out
    assert f"{RUNS} runs, all of them done before" in finish(tmp_path, whole, unharmed)


def test_a_worker_is_killed(tmp_path, whole, cluster):
    """What it had in hand goes to the other, and the sweep completes by itself."""
    sweep = Sweep(tmp_path, on(cluster))
    sweep.begun()
    time.sleep(random.Random(1).uniform(0, 0.5))
    cluster.workers[0].kill()
    code, out, errors = sweep.end()
    assert (code, errors) == (0, "")
    assert f"{RUNS} runs: {RUNS} ok" in out
    assert_whole(tmp_path, whole)


def test_the_scheduler_is_killed(tmp_path, whole, cluster):
    """It is one sentence; with a new scheduler the same command does the rest."""
    sweep = Sweep(tmp_path, on(cluster))
    sweep.begun()
    wait_for(lambda: done_in(tmp_path) or sweep.process.poll() is not None)
    cluster.scheduler.kill()
    code, _, errors = sweep.end()
    assert code == 1
    done = done_in(tmp_path)
    assert 0 < done < RUNS
    assert errors == (
        f"flipflop: the sweep cannot go on (the scheduler {cluster.address} is gone): {done} of {RUNS} runs done; "
        "run the same command again to finish\n"
    )
    for worker in cluster.workers:
        worker.wait(timeout=60)  # by themselves: no scheduler, no work
    cluster.start_scheduler()
    cluster.start_worker()
    assert f"{RUNS} runs, {done} of them done before" in finish(tmp_path, whole, cluster)


# The command, but waiting for new workers only 0.3 seconds instead of a minute.
IMPATIENT = """
from flipflop.cli.run import main
from flipflop.sweep.engine import dask
dask.SECONDS_BETWEEN_CHECKS, dask.SECONDS_WITHOUT_WORKERS = 0.1, 0.3
main()
"""


def test_all_workers_are_gone(tmp_path, whole, cluster):
    """When no other worker comes the sweep does not wait for ever: it is one sentence, and with one it goes on."""
    sweep = Sweep(tmp_path, on(cluster), program=("-c", IMPATIENT))
    sweep.begun()
    for worker in cluster.workers:
        worker.kill()
    code, _, errors = sweep.end()
    assert code == 1
    done = done_in(tmp_path)
    assert done < RUNS
    assert errors == (
        f"flipflop: the sweep cannot go on ({cluster.address} has no workers any more): {done} of {RUNS} runs done; "
        "run the same command again to finish\n"
    )
    cluster.start_worker()
    finish(tmp_path, whole, cluster)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_sweeps_leave_no_work_behind(tmp_path, whole, unharmed, number):
    """Ctrl-C, and a kill even, ends the blocks on the workers too: they are free for the next sweep at once."""
    sweep = Sweep(tmp_path, on(unharmed, "regime.steps=1000000", "name=long"))
    unfinished = tmp_path / "outputs" / "sweeps" / "long" / "unfinished"
    wait_for(lambda: list(unfinished.glob("*.steps")))
    os.kill(sweep.process.pid, number)
    code, _, errors = sweep.end()
    if number == signal.SIGINT:
        assert code == 130
        assert errors == f"flipflop: interrupted: 0 of {RUNS} runs done; run the same command again to finish\n"
    finish(tmp_path, whole, unharmed)


def test_a_run_that_kills_its_worker(tmp_path, whole):
    """The runs of seed 5 take every worker along that trains them: they have crashed, all others are done."""
    environment = grief(tmp_path, "SIGKILL")
    environment["PYTHONPATH"] += f":{Path(flipflop.__file__).parent.parent}"
    failures = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with Cluster(tmp_path / "cluster", nanny=True, **environment, **failures) as cluster:
        code, out, errors = Sweep(tmp_path, on(cluster)).end()
        assert code == 1
        assert errors == f"flipflop: 2 of {RUNS} runs failed\n"
        assert f"{RUNS} runs: {RUNS - 2} ok, 2 crashed" in out
    crashed = [record for record in read(tmp_path / NAME).records if record.status == "crashed"]
    assert [record.config["seed"] for record in crashed] == [5, 5]
    with Cluster(tmp_path / "other cluster") as cluster:
        assert f"{RUNS - 2} of them done before" in finish(tmp_path, whole, cluster)


def test_an_exception(tmp_path, whole):
    """An exception fails its own runs, with their traceback, and no others."""
    environment = grief(tmp_path, "exception")
    environment["PYTHONPATH"] += f":{Path(flipflop.__file__).parent.parent}"
    with Cluster(tmp_path / "cluster", **environment) as cluster:
        code, out, _ = Sweep(tmp_path, on(cluster)).end()
    assert code == 1
    assert f"{RUNS} runs: {RUNS - 2} ok, 2 failed" in out
    failed = [record for record in read(tmp_path / NAME).records if record.status == "failed"]
    assert all("RuntimeError: seed 5 comes to grief" in record.error for record in failed)
    with Cluster(tmp_path / "other cluster") as cluster:
        finish(tmp_path, whole, cluster)


@pytest.fixture
def other_version(tmp_path):
    """An environment in which flipflop has another version."""
    copy = tmp_path / "other" / "flipflop"
    shutil.copytree(Path(flipflop.__file__).parent, copy)
    home = copy / "__init__.py"
    text = home.read_text()
    home.write_text(text.replace(f'__version__ = "{flipflop.__version__}"', '__version__ = "9.9.9"'))
    assert home.read_text() != text
    return {"PYTHONPATH": str(copy.parent)}


def test_a_worker_of_another_version_is_refused(tmp_path, cluster, other_version):
    """One worker that would give other numbers is named, before anything is written."""
    cluster.start_worker("--name", "other", **other_version)
    code, out, errors = Sweep(tmp_path, on(cluster)).end()
    assert (code, out) == (2, "")
    assert errors.startswith("flipflop: the worker tcp://127.0.0.1:")
    assert errors.endswith(f" has flipflop 9.9.9 instead of {flipflop.__version__}: a sweep must have one version\n")
    assert not (tmp_path / "outputs").exists()


def test_a_worker_of_another_version_comes_late(tmp_path, whole, cluster, other_version):
    """It is refused by itself, when it is given a block, and the sweep stops; without it the rest is done."""
    sweep = Sweep(tmp_path, on(cluster, "hydra.launcher.block_size=1"))
    sweep.begun()
    cluster.workers[0].kill()
    cluster.workers[1].kill()
    cluster.start_worker(**other_version)
    code, _, errors = sweep.end()
    assert code == 1
    assert "flipflop: the sweep cannot go on (a worker cannot train: VersionMismatch: the sweep has flipflop" in errors
    cluster.workers[2].kill()
    cluster.start_worker()
    finish(tmp_path, whole, cluster)


def test_no_workers(tmp_path):
    """A scheduler without workers is told apart from none at all, and nothing is written."""
    with Cluster(tmp_path / "cluster", workers=0) as cluster:
        code, out, errors = Sweep(tmp_path, on(cluster)).end()
    assert (code, out) == (2, "")
    assert errors == (
        f"flipflop: hydra.launcher.scheduler={cluster.address} has no workers: start some with "
        f"`dask worker {cluster.address} --nthreads 1`\n"
    )
    code, out, errors = Sweep(tmp_path, on(cluster)).end()
    assert (code, out) == (2, "")
    assert errors == (
        f"flipflop: hydra.launcher.scheduler={cluster.address} cannot be reached: it must be the address of a running "
        "dask scheduler\n"
    )
    assert not (tmp_path / "outputs").exists()


def test_a_worker_with_threads(tmp_path):
    """Blocks in threads of one process would be neither faster nor have CPU times of their own: they are refused."""
    with Cluster(tmp_path / "cluster", workers=0) as cluster:
        cluster.start_worker("--nthreads", 2)
        code, out, errors = Sweep(tmp_path, on(cluster)).end()
    assert (code, out) == (2, "")
    assert "has 2 threads: it must have one" in errors
    assert not (tmp_path / "outputs").exists()
