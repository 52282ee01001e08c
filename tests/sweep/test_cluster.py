"""Sweeps on a real dask cluster: bitwise equal to loky's, through lost workers, a lost scheduler and Ctrl-C."""

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from dask_cluster import Cluster, wait_for
from test_faults import NAME, RUNS, SWEEP, Sweep, assert_complete, inject_fault

import flipflop
from flipflop.records.store import read

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the folder of the same sweep, trained by loky."""
    where = tmp_path_factory.mktemp("undisturbed")
    assert Sweep(where).end()[0] == 0
    return where / NAME


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory):
    """Start a cluster for the tests that do not damage it."""
    with Cluster(tmp_path_factory.mktemp("shared_cluster") / "cluster") as cluster:
        yield cluster


@pytest.fixture
def cluster(tmp_path):
    """Start a scheduler and two workers for one test."""
    with Cluster(tmp_path / "cluster") as cluster:
        yield cluster


def on(cluster, *changes):
    """Return the arguments of the sweep on a cluster, with some changed."""
    changed = {argument.partition("=")[0] for argument in changes}
    kept = [
        argument
        for argument in SWEEP
        if argument.partition("=")[0] not in changed and not argument.startswith("hydra.launcher.n_jobs")
    ]
    return [*kept, "hydra.launcher.backend=dask", f"hydra.launcher.scheduler={cluster.address}", *changes]


def finish(where, undisturbed, cluster):
    """Run the same command again and check that it completes the sweep."""
    code, out, errors = Sweep(where, on(cluster)).end()
    assert (code, errors) == (0, "")
    assert_complete(where, undisturbed)
    return out


def recorded_in(where):
    path = where / NAME / "runs.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_the_same_bits_as_by_loky(tmp_path, undisturbed, shared_cluster):
    """Records, arrays and runs.csv equal those of one machine's processes; a second call trains nothing."""
    out = finish(tmp_path, undisturbed, shared_cluster)
    assert f"{RUNS} runs in 6 blocks on 2 workers" in out
    assert f"{RUNS} runs, all of them done before" in finish(tmp_path, undisturbed, shared_cluster)


def test_a_worker_is_killed(tmp_path, undisturbed, cluster):
    """Another worker takes over the block of a killed worker, and the sweep completes by itself."""
    sweep = Sweep(tmp_path, on(cluster))
    sweep.wait_until_training()
    time.sleep(random.Random(1).uniform(0, 0.5))
    cluster.workers[0].kill()
    code, out, errors = sweep.end()
    assert (code, errors) == (0, "")
    assert f"{RUNS} runs: {RUNS} ok" in out
    assert_complete(tmp_path, undisturbed)


def test_the_scheduler_is_killed(tmp_path, undisturbed, cluster):
    """The command ends with one sentence; with a new scheduler the same command trains the rest."""
    sweep = Sweep(tmp_path, on(cluster))
    sweep.wait_until_training()
    wait_for(lambda: recorded_in(tmp_path) or sweep.process.poll() is not None)
    cluster.scheduler.kill()
    code, _, errors = sweep.end()
    assert code == 1
    done = recorded_in(tmp_path)
    assert 0 < done < RUNS
    assert errors == (
        f"flipflop: the sweep cannot go on (the scheduler {cluster.address} is gone): {done} of {RUNS} runs done; "
        "run the same command again to finish\n"
    )
    for worker in cluster.workers:
        worker.wait(timeout=60)  # they end without a scheduler
    cluster.start_scheduler()
    cluster.start_worker()
    assert f"{RUNS} runs, {done} of them done before" in finish(tmp_path, undisturbed, cluster)


# The command, but waiting for new workers only 0.3 seconds instead of a minute.
IMPATIENT = """
from flipflop.cli.run import main
from flipflop.sweep.engine import dask
dask.SECONDS_BETWEEN_CHECKS, dask.SECONDS_WITHOUT_WORKERS = 0.1, 0.3
main()
"""


def test_all_workers_are_gone(tmp_path, undisturbed, cluster):
    """Without workers the command ends with one sentence after a while; with a new worker it can be finished."""
    sweep = Sweep(tmp_path, on(cluster), program=("-c", IMPATIENT))
    sweep.wait_until_training()
    for worker in cluster.workers:
        worker.kill()
    code, _, errors = sweep.end()
    assert code == 1
    done = recorded_in(tmp_path)
    assert done < RUNS
    assert errors == (
        f"flipflop: the sweep cannot go on ({cluster.address} has no workers any more): {done} of {RUNS} runs done; "
        "run the same command again to finish\n"
    )
    cluster.start_worker()
    finish(tmp_path, undisturbed, cluster)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_sweeps_leave_no_work_behind(tmp_path, undisturbed, shared_cluster, number):
    """Ctrl-C or a kill also stops the blocks on the workers, which are free for the next sweep at once."""
    sweep = Sweep(tmp_path, on(shared_cluster, "regime.steps=1000000", "name=long"))
    unfinished = tmp_path / "outputs" / "sweeps" / "long" / "unfinished"
    wait_for(lambda: list(unfinished.glob("*.steps")))
    os.kill(sweep.process.pid, number)
    code, _, errors = sweep.end()
    if number == signal.SIGINT:
        assert code == 130
        assert errors == f"flipflop: interrupted: 0 of {RUNS} runs done; run the same command again to finish\n"
    finish(tmp_path, undisturbed, shared_cluster)


def test_a_run_that_kills_its_worker(tmp_path, undisturbed):
    """Runs of seed 5 kill every worker that trains them: they are recorded as crashed, and all others are done."""
    environment = inject_fault(tmp_path, "SIGKILL")
    failures = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with Cluster(tmp_path / "cluster", nanny=True, **environment, **failures) as cluster:
        code, out, errors = Sweep(tmp_path, on(cluster)).end()
        assert code == 1
        assert errors == f"flipflop: 2 of {RUNS} runs failed\n"
        assert f"{RUNS} runs: {RUNS - 2} ok, 2 crashed" in out
    crashed = [record for record in read(tmp_path / NAME).records if record.status == "crashed"]
    assert [record.config["seed"] for record in crashed] == [5, 5]
    with Cluster(tmp_path / "other cluster") as cluster:
        assert f"{RUNS - 2} of them done before" in finish(tmp_path, undisturbed, cluster)


def test_an_exception_on_a_worker(tmp_path, undisturbed):
    """An exception fails only the runs that raise it, and is recorded with its traceback."""
    environment = inject_fault(tmp_path, "exception")
    with Cluster(tmp_path / "cluster", **environment) as cluster:
        code, out, _ = Sweep(tmp_path, on(cluster)).end()
    assert code == 1
    assert f"{RUNS} runs: {RUNS - 2} ok, 2 failed" in out
    failed = [record for record in read(tmp_path / NAME).records if record.status == "failed"]
    assert all("RuntimeError: seed 5 fails" in record.error for record in failed)
    with Cluster(tmp_path / "other cluster") as cluster:
        finish(tmp_path, undisturbed, cluster)


@pytest.fixture
def other_version(tmp_path):
    """Return an environment with a flipflop of another version."""
    copy = tmp_path / "other" / "flipflop"
    shutil.copytree(Path(flipflop.__file__).parent, copy)
    module = copy / "version.py"
    text = module.read_text()
    module.write_text(text.replace(f'VERSION = "{flipflop.__version__}"', 'VERSION = "9.9.9"'))
    assert module.read_text() != text
    return {"PYTHONPATH": str(copy.parent)}


def test_a_worker_of_another_version_is_refused(tmp_path, cluster, other_version):
    """A worker whose numbers could differ is named before anything is written."""
    cluster.start_worker("--name", "other", **other_version)
    code, out, errors = Sweep(tmp_path, on(cluster)).end()
    assert (code, out) == (2, "")
    assert errors.startswith("flipflop: the worker tcp://127.0.0.1:")
    assert errors.endswith(f" has flipflop 9.9.9 instead of {flipflop.__version__}: a sweep must have one version\n")
    assert not (tmp_path / "outputs").exists()


def test_a_worker_of_another_version_comes_late(tmp_path, undisturbed, cluster, other_version):
    """A worker of another version that joins later refuses its block, and the sweep stops."""
    sweep = Sweep(tmp_path, on(cluster, "hydra.launcher.block_size=1"))
    sweep.wait_until_training()
    cluster.workers[0].kill()
    cluster.workers[1].kill()
    cluster.start_worker(**other_version)
    code, _, errors = sweep.end()
    assert code == 1
    assert "flipflop: the sweep cannot go on (a worker cannot train: VersionMismatch: the sweep has flipflop" in errors
    cluster.workers[2].kill()
    cluster.start_worker()
    finish(tmp_path, undisturbed, cluster)


def test_no_workers(tmp_path):
    """A scheduler without workers and one that cannot be reached are told apart, and nothing is written."""
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
    """Workers with several threads are refused: blocks would be no faster and share one CPU time."""
    with Cluster(tmp_path / "cluster", workers=0) as cluster:
        cluster.start_worker("--nthreads", 2)
        code, out, errors = Sweep(tmp_path, on(cluster)).end()
    assert (code, out) == (2, "")
    assert "has 2 threads: it must have one" in errors
    assert not (tmp_path / "outputs").exists()
