"""Executing blocks: failures stay with their runs, and results do not depend on how the work is divided."""

import time
from io import StringIO

import numpy as np
import pytest
from baseline import baseline
from rich.console import Console

from flipflop.core.train import train
from flipflop.records.arrays import arrays_of, load_arrays
from flipflop.records.checkpoints import BlockCheckpoint
from flipflop.records.folder import Folder
from flipflop.records.planned import PlannedRun, run_key
from flipflop.sweep.engine import blocks as execution
from flipflop.sweep.engine.blocks import Block, ProgressReport, train_block, train_runs
from flipflop.sweep.engine.execute import execute, prepare_blocks
from flipflop.sweep.engine.local import Workers
from flipflop.sweep.engine.monitor import ProgressMonitor

TINY = {"regime.steps": 30, "method.warmup_steps": 5, "eval.episodes": 3, "eval.episode_length": 8, "eval.every": 10}
PARALLEL = {"regime.name": "parallel", "regime.episodes_per_step": 4}


def runs(*changes):
    return [PlannedRun(run_key(config), None, (), config) for config in (baseline({**TINY, **c}) for c in changes)]


def run_sweep(path, workers, block_size):
    """Run a sweep of eight runs; return the metrics and arrays of each by key."""
    planned = runs(*({"seed": seed, **regime} for seed in range(4) for regime in ({}, PARALLEL)))
    pool = Workers(workers, block_size)
    with Folder(path) as folder:
        folder.plan(planned)
        blocks, _ = prepare_blocks(planned, folder.unfinished, pool)
        records = execute(blocks, folder, pool, Console(file=StringIO()))
    contents = {}
    for record in records:
        with np.load(path / "blocks" / f"{record.block}.npz", allow_pickle=False) as block:
            contents[record.key] = (
                (record.status, record.index, record.metrics),
                {name: block[name][record.slot].tobytes() for name in block.files},
            )
    return contents


def test_dividing_the_work_changes_no_bit(tmp_path):
    """One worker or two, blocks of one, three or all runs: every number of every run is bitwise the same."""
    reference = run_sweep(tmp_path / "reference", 1, 64)
    assert len(reference) == 8
    for workers, block_size in ((1, 1), (1, 3), (2, 2), (2, 64)):
        assert run_sweep(tmp_path / f"{workers}-{block_size}", workers, block_size) == reference


def test_an_exception_fails_only_its_run(tmp_path, monkeypatch):
    """An exception is recorded with the run that raises it; the other runs of its block end as without it."""

    def train_all_but_one(configs, *more):
        if any(config.seed == 1 for config in configs):
            raise RuntimeError("seed 1 cannot be trained")
        return train(configs, *more)

    monkeypatch.setattr(execution, "train", train_all_but_one)
    planned = runs({"seed": 0}, {"seed": 1}, {"seed": 2})
    pool = Workers(1, 64)
    with Folder(tmp_path) as folder:
        folder.plan(planned)
        blocks, _ = prepare_blocks(planned, folder.unfinished, pool)
        assert len(blocks) == 1
        records = execute(blocks, folder, pool, Console(file=StringIO()))
    first, failed, last = sorted(records, key=lambda record: record.index)
    assert (failed.status, failed.metrics) == ("failed", {})
    assert "RuntimeError: seed 1 cannot be trained" in failed.error
    for record, run in ((first, planned[0]), (last, planned[2])):
        (alone,) = train([run.config])
        assert record.metrics == alone.metrics.by_name()
        for name, stack in arrays_of([alone]).items():
            np.testing.assert_array_equal(load_arrays(tmp_path, record)[name], stack[0])


def test_an_unusable_checkpoint_is_not_loaded_again(tmp_path):
    """A run that fails after loading a checkpoint is trained again from its beginning."""
    (planned,) = runs({"seed": 0})
    block = Block([planned], tmp_path, 60)
    BlockCheckpoint(block.checkpoint.path, [planned.key], 0).offer(
        lambda: {"done": np.array(10)}
    )  # without weights: it cannot be continued
    result = train_block(block)
    (alone,) = train([planned.config])
    assert result.outcomes[0].result.metrics == alone.metrics


def test_progress_counts_what_is_done(tmp_path):
    """The bar's fraction counts ended blocks in full, and blocks in training by their reports."""
    first, second = (Block(runs({"seed": seed}), tmp_path, 60) for seed in (0, 1))
    shown = []
    records = []

    class FakeBar:
        def show(self, fraction, text):
            shown.append((fraction, text()))

    with ProgressMonitor([first, second], records, FakeBar()) as monitor:
        second.report(15)
        monitor.block_ended(first)
        records.append(first)
        first.status = "ok"
        deadline = time.monotonic() + 10
        while not shown or shown[-1][0] != 0.75:
            assert time.monotonic() < deadline, shown
            time.sleep(0.01)
    assert shown[-1][1] == "1 of 2 runs done, 0 failed"


@pytest.mark.parametrize("steps", [0, 7, 123456])
def test_reports_are_read_back(tmp_path, steps):
    """A progress report is read back as it was written, and is 0 before the first."""
    report = ProgressReport(tmp_path / "report")
    assert report.read() == 0
    report(steps, None, None)
    assert report.read() == steps


def test_seconds_are_shared(tmp_path):
    """A block's CPU time is divided equally among its runs, so that the sum over a table is what was spent."""
    planned = runs({"seed": 0}, {"seed": 1})
    result = train_runs(planned, lambda *_: None)
    with Folder(tmp_path) as folder:
        folder.plan(planned)
        records = folder.add(result.outcomes, result.seconds)
    assert sum(record.seconds for record in records) == pytest.approx(result.seconds, abs=2e-4)
    assert records[0].seconds == records[1].seconds
