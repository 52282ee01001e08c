"""Kill, interrupt, starve and corrupt sweeps for real, and finish them by the same command.

Every scenario ends with the same check: the sweep equals one without the fault, in every bit of metrics and arrays and
every character of runs.csv except the seconds. Moments and victims are random, by the seed of each scenario. Part of
`make check`.
"""

import contextlib
import csv
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest

import flipflop
from flipflop.records.checkpoints import unfinished_blocks
from flipflop.records.store import read

pytestmark = pytest.mark.slow

NAME = Path("outputs/sweeps/faults")
SWEEP = [
    "-m",
    "seed=0..8",
    "regime=sequential,parallel",
    "regime.steps=400",
    "method.warmup_steps=50",
    "eval.episodes=10",
    "name=faults",
    "hydra.launcher.block_size=3",
    "hydra.launcher.n_jobs=2",
    "hydra.launcher.checkpoint_seconds=0.1",
]
RUNS = 18

# A sitecustomize.py, which Python runs when it starts: runs of seed 5 fail in the way that FAULT names.
FAULT = """
import os, signal
import numpy.random
drawn = numpy.random.SeedSequence
def SeedSequence(seed=None, **more):
    way = os.environ["FAULT"]
    if seed == 5 and way == "exception":
        raise RuntimeError("seed 5 fails")
    if seed == 5 and way in ("SIGSEGV", "SIGKILL"):
        os.kill(os.getpid(), getattr(signal, way))
    if seed == 5 and way == "once" and not os.path.exists(os.environ["FLAG"]):
        open(os.environ["FLAG"], "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return drawn(seed, **more)
numpy.random.SeedSequence = SeedSequence
"""


class Sweep:
    """A process that runs a sweep, and its workers."""

    def __init__(self, where, arguments=SWEEP, file_size=None, program=("-m", "flipflop.run"), **environment):
        self.mark = uuid.uuid4().hex  # in the environment of all its processes, by which they are found

        def prepare():
            for number in (signal.SIGINT, signal.SIGHUP):  # ignored in children of a background shell or nohup
                signal.signal(number, signal.SIG_DFL)
            if file_size is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

        self.where = where
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=where,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=prepare,
            env={**os.environ, "MARK": self.mark, "COLUMNS": "80", **environment},
        )

    def end(self):
        """Wait for the end: (exit code, output, errors)."""
        out, errors = self.process.communicate(timeout=60)
        assert "Traceback" not in errors, errors
        return self.process.returncode, out, errors

    def wait_until_training(self):
        """Wait until the first blocks are in training."""
        wait_for(lambda: list((self.where / NAME).glob("unfinished/*.steps")) or self.process.poll() is not None)

    def recorded(self):
        """Return the number of runs that are on record."""
        path = self.where / NAME / "runs.jsonl"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def processes(self):
        """Return the sweep's processes that are alive, {process id: command line}."""
        alive = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if f"MARK={self.mark}".encode() in (path / "environ").read_bytes():
                    alive[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        # A zombie process has no command line.
        return {process: command for process, command in alive.items() if command}

    def workers(self):
        return [process for process, command in self.processes().items() if "loky.backend.popen" in command]


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return found


def results_of(folder):
    """Return all results of a sweep: each record and its arrays by key, and runs.csv without the seconds."""
    records, problems, *_ = read(folder)
    assert problems == []
    runs = {}
    for record in records:
        with np.load(folder / "blocks" / f"{record.block}.npz", allow_pickle=False) as block:
            arrays = {name: block[name][record.slot].tobytes() for name in block.files}
        runs[record.key] = record.index, record.overrides, record.status, record.metrics, arrays
    with (folder / "runs.csv").open(newline="") as file:
        rows = [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]
    return runs, rows


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the folder of a sweep without a fault."""
    where = tmp_path_factory.mktemp("undisturbed")
    code, out, _ = Sweep(where).end()
    assert code == 0
    assert f"{RUNS} runs: {RUNS} ok" in out
    return where / NAME


def assert_complete(where, undisturbed):
    """Check that the sweep equals the undisturbed one, and that no temporary file is left."""
    assert results_of(where / NAME) == results_of(undisturbed)
    assert not (where / NAME / "unfinished").exists()
    assert not list((where / NAME).rglob("*.part"))


def finish(where, undisturbed):
    """Run the same command again and check that it completes the sweep."""
    sweep = Sweep(where)
    code, out, errors = sweep.end()
    assert (code, errors) == (0, "")
    assert f"{RUNS} runs: {RUNS} ok" in out
    assert_complete(where, undisturbed)
    return out


def inject_fault(where, way):
    """Return an environment in which runs of seed 5 fail in a given way."""
    (where / "sitecustomize.py").write_text(FAULT)
    path = f"{where}{os.pathsep}{Path(flipflop.__file__).parents[1]}"
    return {"PYTHONPATH": path, "FAULT": way, "FLAG": str(where / "flag"), "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize("seed", range(5))
def test_killed_workers(tmp_path, undisturbed, seed):
    """With one to three workers killed, at any moment, the sweep completes by itself."""
    draw = random.Random(seed)
    sweep = Sweep(tmp_path)
    sweep.wait_until_training()
    for _ in range(1 + seed % 3):
        time.sleep(draw.uniform(0, 0.6))
        if workers := sweep.workers():
            os.kill(draw.choice(workers), signal.SIGKILL)
    code, out, errors = sweep.end()
    assert (code, errors) == (0, "")
    assert f"{RUNS} runs: {RUNS} ok" in out
    assert_complete(tmp_path, undisturbed)


@pytest.mark.parametrize("seed", range(6))
def test_interrupted(tmp_path, undisturbed, seed):
    """Ctrl-C, or a signal to the main process alone, ends the sweep at once, with a sentence on how to finish it."""
    draw = random.Random(100 + seed)
    sweep = Sweep(tmp_path)
    sweep.wait_until_training()
    enough = draw.randrange(RUNS - 5)  # two of its blocks of three runs are still to come
    wait_for(lambda: sweep.recorded() >= enough)
    sent = time.monotonic()
    if seed % 2:
        os.killpg(sweep.process.pid, signal.SIGINT)
    else:
        os.kill(sweep.process.pid, draw.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
    code, _, errors = sweep.end()
    assert time.monotonic() - sent < 3  # it takes less than one second on an idle machine
    assert code == 130
    done = sweep.recorded()
    assert errors == f"flipflop: interrupted: {done} of {RUNS} runs done; run the same command again to finish\n"
    assert sweep.processes() == {}
    out = finish(tmp_path, undisturbed)
    assert done == 0 or f"{RUNS} runs, {done} of them done before" in out


@pytest.mark.parametrize("seed", range(4))
def test_interrupted_early(tmp_path, seed):
    """Ctrl-C in the first seconds, during imports and the start of processes, is one sentence too."""
    sweep = Sweep(tmp_path)
    time.sleep(0.3 + 0.3 * seed)  # earlier, Python itself is starting
    while sweep.process.poll() is None:  # again, because Python ignores one inside a finaliser
        os.killpg(sweep.process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            sweep.process.wait(timeout=1)
    code, _, errors = sweep.end()
    assert code == 130
    assert re.fullmatch(r"flipflop: interrupted(: \d+ of \d+ runs done; .*)?\n", errors)
    assert sweep.processes() == {}


def test_killed_on_a_stream(tmp_path):
    """Runs on an endless stream continue from their checkpoints, in the middle of a chunk, to the same end."""
    few = ["seed=0..5", "method=rtrl_1990", "regime.steps=10000", "eval.every=2000", "eval.episodes=5"]
    arguments = ["-m", *few, *SWEEP[-4:]]
    for place in ("undisturbed", "killed"):
        (tmp_path / place).mkdir()
    assert Sweep(tmp_path / "undisturbed", arguments).end()[0] == 0
    sweep = Sweep(tmp_path / "killed", arguments)
    unfinished = tmp_path / "killed" / NAME / "unfinished"
    wait_for(lambda: any(block.steps_done >= 3000 for block in unfinished_blocks(unfinished)[0]))
    os.killpg(sweep.process.pid, signal.SIGKILL)
    sweep.process.communicate()
    wait_for(lambda: sweep.processes() == {})
    assert not (tmp_path / "killed" / NAME / "runs.csv").exists()
    code, _, errors = Sweep(tmp_path / "killed", arguments).end()
    assert (code, errors) == (0, "")
    assert_complete(tmp_path / "killed", tmp_path / "undisturbed" / NAME)


@pytest.mark.parametrize("seed", range(4))
def test_main_process_killed(tmp_path, undisturbed, seed):
    """If the main process is killed, its workers end by themselves, and the same command trains the rest."""
    draw = random.Random(200 + seed)
    sweep = Sweep(tmp_path)
    sweep.wait_until_training()
    time.sleep(draw.uniform(0.1, 1.2))
    sweep.process.kill()
    sweep.process.communicate(timeout=60)
    wait_for(lambda: sweep.processes() == {}, seconds=5)
    finish(tmp_path, undisturbed)


def test_interrupted_blocks_continue_from_checkpoints(tmp_path, undisturbed):
    """Interrupted blocks continue from their checkpoints instead of their beginning."""
    sweep = Sweep(tmp_path)
    unfinished = tmp_path / NAME / "unfinished"
    wait_for(lambda: unfinished_blocks(unfinished)[0])
    sweep.process.kill()
    sweep.process.communicate(timeout=60)
    wait_for(lambda: sweep.processes() == {}, seconds=5)
    blocks, problems = unfinished_blocks(unfinished)
    assert problems == []
    assert all(0 < block.steps_done < 400 for block in blocks)
    finish(tmp_path, undisturbed)


@pytest.mark.parametrize("way", ["SIGSEGV", "SIGKILL"])
def test_a_run_that_kills_its_process(tmp_path, undisturbed, way):
    """Runs that kill their process are recorded as crashed, all others are done, and a later call trains them."""
    sweep = Sweep(tmp_path, **inject_fault(tmp_path, way))
    code, out, errors = sweep.end()
    assert code == 1
    assert errors.endswith(f"flipflop: 2 of {RUNS} runs failed\n")  # after what Python prints about a SIGSEGV
    assert f"{RUNS} runs: {RUNS - 2} ok, 2 crashed" in out
    records, problems, *_ = read(tmp_path / NAME)
    crashed = [record for record in records if record.status == "crashed"]
    assert [record.config["seed"] for record in crashed] == [5, 5]
    assert all(way in record.error for record in crashed)
    assert problems == []
    assert sweep.processes() == {}
    assert f"{RUNS - 2} of them done before" in finish(tmp_path, undisturbed)


def test_the_only_missing_run_kills_its_process(tmp_path, undisturbed):
    """The only missing run kills its own process, not the command's."""
    Sweep(tmp_path, **inject_fault(tmp_path, "SIGSEGV")).end()
    code, out, errors = Sweep(tmp_path, **inject_fault(tmp_path, "SIGSEGV")).end()
    assert code == 1
    assert errors.endswith(f"flipflop: 2 of {RUNS} runs failed\n")
    assert "2 crashed" in out
    finish(tmp_path, undisturbed)


def test_a_process_that_dies_once(tmp_path, undisturbed):
    """A process that dies once, as when memory is short for a moment, costs no run."""
    code, _, errors = Sweep(tmp_path, **inject_fault(tmp_path, "once")).end()
    assert (tmp_path / "flag").exists()
    assert (code, errors) == (0, "")
    assert_complete(tmp_path, undisturbed)


def test_an_exception(tmp_path, undisturbed):
    """An exception fails only the runs that raise it, and is recorded with its traceback."""
    code, out, _ = Sweep(tmp_path, **inject_fault(tmp_path, "exception")).end()
    assert code == 1
    assert f"{RUNS} runs: {RUNS - 2} ok, 2 failed" in out
    failed = [record for record in read(tmp_path / NAME).records if record.status == "failed"]
    assert [record.config["seed"] for record in failed] == [5, 5]
    assert all("RuntimeError: seed 5 fails" in record.error for record in failed)
    finish(tmp_path, undisturbed)


@pytest.mark.parametrize("seed", range(5))
def test_a_full_disk(tmp_path, undisturbed, seed):
    """With a limit on file size the command ends in one sentence with code 1, and the lines written are complete."""
    largest = max(path.stat().st_size for path in undisturbed.rglob("*") if path.is_file())
    limit = [200, 3_000][seed] if seed < 2 else random.Random(300 + seed).randint(4_000, largest - 1)
    code, _, errors = Sweep(tmp_path, file_size=limit).end()
    assert code == 1
    assert len(errors.splitlines()) == 1
    records, problems, *_ = read(tmp_path / NAME)
    done = len(records)
    assert problems == []
    assert errors.startswith("flipflop: outputs/sweeps/faults/")
    assert errors.endswith(
        f" cannot be written (File too large): {done} of {RUNS} runs done; run the same command again to finish\n"
    )
    finish(tmp_path, undisturbed)


def test_a_second_process(tmp_path, undisturbed):
    """A second process is refused a sweep that is running, and does not disturb it."""
    first = Sweep(tmp_path)
    first.wait_until_training()
    code, out, errors = Sweep(tmp_path).end()
    assert (code, out) == (2, "")
    assert errors == (
        "flipflop: outputs/sweeps/faults is in use by another process: "
        "wait until that one has ended, or choose another name=\n"
    )
    assert first.end()[0] == 0
    assert_complete(tmp_path, undisturbed)


def torn(folder, draw):
    path = folder / "runs.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines)[: -draw.randint(1, len(lines[-1]) - 1)])
    return "runs.jsonl line"


def edited(folder, draw):
    path = folder / "runs.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    i = draw.randrange(len(lines))
    lines[i] = lines[i].replace(b'"solved_episodes": ', b'"solved_episodes": 1')
    path.write_bytes(b"".join(lines))
    return f"runs.jsonl line {i + 1} was changed"


def foreign(folder, draw):
    path = folder / "runs.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[draw.randrange(len(lines))] = b'{"run": 3, "success": true}\n'
    path.write_bytes(b"".join(lines))
    return "is not a record of flipflop"


def truncated(folder, draw):
    path = draw.choice(sorted((folder / "blocks").iterdir()))
    os.truncate(path, draw.randrange(path.stat().st_size))
    return f"{path.name} is not as it was written"


def removed(folder, draw):
    path = draw.choice(sorted((folder / "blocks").iterdir()))
    path.unlink()
    return f"{path.name} is missing"


def without_plan(folder, draw):
    (folder / "plan.txt").write_text("0123456789abcdef\n")
    return "plan.txt is not as it was written"


def garbled(folder, draw):
    (folder / "sweep.yaml").write_bytes(draw.randbytes(200))
    return "sweep.yaml is not a list of invocations"


def unreadable_checkpoint(folder, draw):
    (folder / "unfinished").mkdir()
    (folder / "unfinished" / "0123456789abcdef.state").write_bytes(draw.randbytes(500))
    return "0123456789abcdef.state cannot be read"


@pytest.mark.parametrize(
    "damage", [torn, edited, foreign, truncated, removed, without_plan, garbled, unreadable_checkpoint]
)
def test_damage(tmp_path, undisturbed, damage):
    """Whatever was torn, edited, exchanged or lost is reported, and trained again if it is a run."""
    draw = random.Random(damage.__name__)
    shutil.copytree(undisturbed, tmp_path / NAME)
    expected = damage(tmp_path / NAME, draw)
    out = " ".join(finish(tmp_path, undisturbed).split())
    assert f"note: {NAME}" in out
    assert expected in out
    assert "note:" not in finish(tmp_path, undisturbed)  # the damage has been repaired


def test_a_larger_sweep_trains_what_is_new(tmp_path, undisturbed):
    """More seeds under the same name leave earlier runs bitwise unchanged, with their index."""
    few = [argument.replace("seed=0..8", "seed=2,5") for argument in SWEEP]
    assert Sweep(tmp_path, few).end()[0] == 0
    before, _ = results_of(tmp_path / NAME)
    code, out, _ = Sweep(tmp_path).end()
    assert code == 0
    assert f"{RUNS} runs, 4 of them done before: {RUNS - 4} in" in out
    after, _ = results_of(tmp_path / NAME)
    assert {key: after[key] for key in before} == before
    expected, _ = results_of(undisturbed)
    assert {key: run[1:] for key, run in after.items()} == {key: run[1:] for key, run in expected.items()}
