"""Checkpoints of blocks: saved at intervals, loaded by any block of the same runs, and checked before use."""

import pickle
import random
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from baseline import baseline

from flipflop.core.train import train
from flipflop.records import checkpoints
from flipflop.records.checkpoints import BlockCheckpoint, remove_obsolete_files, unfinished_blocks

SHORT = {"regime.steps": 30, "method.warmup_steps": 0, "eval.episodes": 2, "eval.episode_length": 5}


def configs(*seeds):
    return [baseline(SHORT | {"seed": seed}) for seed in seeds]


def train_until_killed(path, seeds, at):
    """Train runs, with a checkpoint at every outer step, until their process 'dies' after `at` steps."""

    def die(step, *_):
        if step > at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(configs(*seeds), die, BlockCheckpoint(path, [f"key{seed}" for seed in seeds], seconds=0))


def test_another_block_goes_on(tmp_path):
    """A block with some of the saved runs, in any order, continues from the file with bitwise the same results."""
    train_until_killed(tmp_path / "old.state", (3, 4, 5), at=20)
    later = BlockCheckpoint(tmp_path / "new.state", ["key5", "key3"], seconds=1000, source=tmp_path / "old.state")
    steps = []
    resumed = train(configs(5, 3), lambda step, *_: steps.append(step), later)
    assert steps == list(range(21, 31))
    assert later.was_loaded
    for result, uninterrupted in zip(resumed, train(configs(5, 3)), strict=True):
        assert result.metrics == uninterrupted.metrics
        np.testing.assert_array_equal(result.history.pain, uninterrupted.history.pain)
        np.testing.assert_array_equal(result.world_model.recurrent, uninterrupted.world_model.recurrent)


def test_its_own_file_comes_first(tmp_path):
    """A block that was interrupted twice continues from its own checkpoint, not from the earlier block's."""
    train_until_killed(tmp_path / "old.state", (3, 4), at=10)
    train_until_killed(tmp_path / "new.state", (3,), at=20)
    state = BlockCheckpoint(tmp_path / "new.state", ["key3"], 0, source=tmp_path / "old.state").load()
    assert state["done"] == 20


@pytest.mark.parametrize("waited", [1000, -1000])
def test_the_interval_starts_with_the_training(tmp_path, monkeypatch, waited):
    """The interval starts when the training starts, not when the block was planned, maybe by another clock."""
    now, states = 5000.0, []

    def second(*_):
        nonlocal now
        now += 1

    monkeypatch.setattr(checkpoints, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(checkpoints, "write_atomically", lambda *_: states.append(now))
    planned = pickle.dumps(BlockCheckpoint(tmp_path / "block.state", ["key3"], seconds=10))
    now += waited
    train(configs(3), second, pickle.loads(planned))
    assert states == [5000 + waited + after for after in (10, 20, 30)]


@pytest.mark.parametrize("seconds", [0, 1000])
def test_a_state_is_written_when_it_is_due(tmp_path, seconds):
    """Before the interval has passed a state is neither taken nor written."""
    checkpoint = BlockCheckpoint(tmp_path / "unfinished" / "block.state", ["key"], seconds)
    taken = []

    def take():
        taken.append(None)
        return {"done": np.array(len(taken))}

    for _ in range(3):
        checkpoint.offer(take)
    assert len(taken) == (0 if seconds else 3)
    assert checkpoint.path.exists() == (not seconds)


def test_a_full_disk_does_not_stop_the_training(tmp_path, monkeypatch):
    """A state that cannot be written leaves the earlier one in place, and the training continues."""
    train_until_killed(tmp_path / "block.state", (3,), at=10)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    (result,) = train(configs(3), None, BlockCheckpoint(tmp_path / "block.state", ["key3"], seconds=0))
    assert result.status == "ok"
    assert unfinished_blocks(tmp_path)[0][0].steps_done == 10


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"something else", None])
def test_a_file_that_is_no_checkpoint_is_reported(tmp_path, content):
    """A file that is not a checkpoint is reported, and its runs start again from the beginning."""
    path = tmp_path / "block.state"
    if content is None:
        with path.open("wb") as file:
            np.savez(file, done=np.array(3), keys=np.array(["key"]))  # an npz archive without a checksum
    else:
        path.write_bytes(content)
    blocks, problems = unfinished_blocks(tmp_path)
    assert blocks == []
    assert problems == [f"{path} cannot be read: its runs start again from the beginning"]
    assert BlockCheckpoint(path, ["key"], 0).load() is None


def test_no_changed_byte_passes(tmp_path):
    """A checkpoint with any changed byte, or cut short, is rejected."""
    train_until_killed(tmp_path / "block.state", (3,), at=10)
    path = tmp_path / "block.state"
    whole = path.read_bytes()
    draw = random.Random(0)
    for _ in range(300):
        at = draw.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << draw.randrange(8))]) + whole[at + 1 :])
        assert unfinished_blocks(tmp_path)[0] == []
    path.write_bytes(whole[: draw.randrange(len(whole))])
    assert unfinished_blocks(tmp_path)[0] == []
    path.write_bytes(whole)
    assert unfinished_blocks(tmp_path)[0][0].steps_done == 10


def test_obsolete_files_are_removed(tmp_path):
    """When a sweep ends, checkpoints with unfinished runs stay and all other files are removed."""
    remove_obsolete_files(tmp_path / "nowhere", [])
    train_until_killed(tmp_path / "done.state", (3,), at=10)
    train_until_killed(tmp_path / "open.state", (3, 4), at=10)
    (tmp_path / "a.steps").write_text("7")
    (tmp_path / "b.state").write_bytes(b"no state")
    remove_obsolete_files(tmp_path, ["key3"])
    assert [path.name for path in tmp_path.iterdir()] == ["open.state"]
    remove_obsolete_files(tmp_path, ["key3", "key4"])
    assert not tmp_path.exists()


@pytest.mark.parametrize("late", [1, 9])
def test_a_late_file_does_not_fail_the_removal(tmp_path, monkeypatch, late):
    """A file that a worker writes during the removal is removed too; after three of them the folder stays."""
    folder = tmp_path / "unfinished"
    folder.mkdir()
    remove = Path.rmdir
    files_to_come = iter(range(late))

    def rmdir(path):
        if next(files_to_come, None) is not None:
            (folder / "late.steps").write_text("7")
        remove(path)

    monkeypatch.setattr(Path, "rmdir", rmdir)
    remove_obsolete_files(folder, [])
    assert folder.exists() == (late > 3)


def test_other_runs_are_not_taken(tmp_path):
    """A block does not load a checkpoint that lacks one of its runs."""
    train_until_killed(tmp_path / "block.state", (3,), at=10)
    assert BlockCheckpoint(tmp_path / "block.state", ["key3", "key4"], 0).load() is None


def test_the_furthest_first(tmp_path):
    """Of two checkpoints with the same run the one with more outer steps comes first."""
    train_until_killed(tmp_path / "a.state", (3,), at=10)
    train_until_killed(tmp_path / "b.state", (3, 4), at=20)
    blocks, _ = unfinished_blocks(tmp_path)
    assert [(block.path.name, block.keys, block.steps_done) for block in blocks] == [
        ("b.state", ["key3", "key4"], 20),
        ("a.state", ["key3"], 10),
    ]
