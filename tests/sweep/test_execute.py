"""Blocks at work: isolation of failures, and the same bits however the work is shared out."""

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


def swept(path, workers, block_size):
    """All that a sweep of eight runs leaves, by key: its metrics and every array."""
    planned = runs(*({"seed": seed, **regime} for seed in range(4) for regime in ({}, PARALLEL)))
    how = Workers(workers, block_size)
    with Folder(path) as folder:
        folder.plan(planned)
        blocks, _ = prepare_blocks(planned, folder.unfinished, how)
        records = execute(blocks, folder, how, Console(file=StringIO()))
    left = {}
    for record in records:
        with np.load(path / "blocks" / f"{record.block}.npz", allow_pickle=False) as block:
            left[record.key] = (
                (record.status, record.index, record.metrics),
                {name: block[name][record.slot].tobytes() for name in block.files},
            )
    return left


def test_sharing_out_the_work_changes_no_bit(tmp_path):
    """One worker or two, blocks of one, three or all: every number of every run is the same."""
    reference = swept(tmp_path / "reference", 1, 64)
    assert len(reference) == 8
    for workers, block_size in ((1, 1), (1, 3), (2, 2), (2, 64)):
        assert swept(tmp_path / f"{workers}-{block_size}", workers, block_size) == reference


def test_a_run_that_cannot_be_trained_spoils_no_other(tmp_path, monkeypatch):
    """An exception is its own run's: recorded with its traceback, while its block-mates end as without it."""

    def train_all_but_one(configs, *more):
        if any(config.seed == 1 for config in configs):
            raise RuntimeError("seed 1 cannot be trained")
        return train(configs, *more)

    monkeypatch.setattr(execution, "train", train_all_but_one)
    planned = runs({"seed": 0}, {"seed": 1}, {"seed": 2})
    how = Workers(1, 64)
    with Folder(tmp_path) as folder:
        folder.plan(planned)
        blocks, _ = prepare_blocks(planned, folder.unfinished, how)
        assert len(blocks) == 1
        records = execute(blocks, folder, how, Console(file=StringIO()))
    first, failed, last = sorted(records, key=lambda record: record.index)
    assert (failed.status, failed.metrics) == ("failed", {})
    assert "RuntimeError: seed 1 cannot be trained" in failed.error
    for record, run in ((first, planned[0]), (last, planned[2])):
        (alone,) = train([run.config])
        assert record.metrics == alone.metrics.by_name()
        for name, stack in arrays_of([alone]).items():
            np.testing.assert_array_equal(load_arrays(tmp_path, record)[name], stack[0])


def test_a_checkpoint_that_leads_nowhere_is_forgotten(tmp_path):
    """A run that fails after a checkpoint, whole as it may be, is trained again from its beginning."""
    (planned,) = runs({"seed": 0})
    block = Block([planned], tmp_path, 60)
    BlockCheckpoint(block.checkpoint.path, [planned.key], 0).offer(lambda: {"done": np.array(10)})  # and no weights
    result = train_block(block)
    (alone,) = train([planned.config])
    assert result.outcomes[0].result.metrics == alone.metrics


def test_progress_counts_what_is_done(tmp_path):
    """The bar's part of the work: blocks that have ended in full, those in training by their reports."""
    first, second = (Block(runs({"seed": seed}), tmp_path, 60) for seed in (0, 1))
    shown = []
    records = []

    class Shown:
        def show(self, fraction, text):
            shown.append((fraction, text()))

    with ProgressMonitor([first, second], records, Shown()) as monitor:
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
    """The parent reads how far a worker is; before the first report that is nowhere."""
    report = ProgressReport(tmp_path / "report")
    assert report.read() == 0
    report(steps, None, None)
    assert report.read() == steps


def test_seconds_are_shared(tmp_path):
    """A block's CPU time is divided among its runs, so that a table's sum is what was spent."""
    planned = runs({"seed": 0}, {"seed": 1})
    result = train_runs(planned, lambda *_: None)
    with Folder(tmp_path) as folder:
        folder.plan(planned)
        records = folder.add(result.outcomes, result.seconds)
    assert sum(record.seconds for record in records) == pytest.approx(result.seconds, abs=2e-4)
    assert records[0].seconds == records[1].seconds
