"""States of blocks on disk: written when due, read back by any block of the same runs, and never trusted blindly."""

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


def stopped(path, seeds, at):
    """Train runs, with a checkpoint at every outer step, until their process 'dies' after `at` of them."""

    def die(step, *_):
        if step > at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(configs(*seeds), die, BlockCheckpoint(path, [f"key{seed}" for seed in seeds], seconds=0))


def test_another_block_goes_on(tmp_path):
    """From a block's file any of its runs, in any order, go on bitwise to where they would have come."""
    stopped(tmp_path / "old.state", (3, 4, 5), at=20)
    later = BlockCheckpoint(tmp_path / "new.state", ["key5", "key3"], seconds=1000, source=tmp_path / "old.state")
    steps = []
    resumed = train(configs(5, 3), lambda step, *_: steps.append(step), later)
    assert steps == list(range(21, 31))
    assert later.was_loaded
    for result, whole in zip(resumed, train(configs(5, 3)), strict=True):
        assert result.metrics == whole.metrics
        np.testing.assert_array_equal(result.history.pain, whole.history.pain)
        np.testing.assert_array_equal(result.world_model.recurrent, whole.world_model.recurrent)


def test_its_own_file_comes_first(tmp_path):
    """A block that was interrupted twice goes on from where it came the second time."""
    stopped(tmp_path / "old.state", (3, 4), at=10)
    stopped(tmp_path / "new.state", (3,), at=20)
    state = BlockCheckpoint(tmp_path / "new.state", ["key3"], 0, source=tmp_path / "old.state").load()
    assert state["done"] == 20


@pytest.mark.parametrize("waited", [1000, -1000])
def test_the_time_begins_with_the_training(tmp_path, monkeypatch, waited):
    """Not when a block was planned: it may have waited for long, and a worker's clock may be behind."""
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
    """Nothing is taken, let alone written, before its time."""
    checkpoint = BlockCheckpoint(tmp_path / "unfinished" / "block.state", ["key"], seconds)
    taken = []

    def take():
        taken.append(None)
        return {"done": np.array(len(taken))}

    for _ in range(3):
        checkpoint.offer(take)
    assert len(taken) == (0 if seconds else 3)
    assert checkpoint.path.exists() == (not seconds)


def test_a_full_disk_is_not_the_runs_affair(tmp_path, monkeypatch):
    """A state that cannot be written leaves the one before, and the training goes on."""
    stopped(tmp_path / "block.state", (3,), at=10)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    (result,) = train(configs(3), None, BlockCheckpoint(tmp_path / "block.state", ["key3"], seconds=0))
    assert result.status == "ok"
    assert unfinished_blocks(tmp_path)[0][0].steps_done == 10


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"something else", None])
def test_what_is_no_state_is_named(tmp_path, content):
    """A file that is something else is named, and its runs begin anew."""
    path = tmp_path / "block.state"
    if content is None:
        with path.open("wb") as file:
            np.savez(file, done=np.array(3), keys=np.array(["key"]))  # arrays, but not ours
    else:
        path.write_bytes(content)
    left, problems = unfinished_blocks(tmp_path)
    assert left == []
    assert problems == [f"{path} cannot be read: its runs start again from the beginning"]
    assert BlockCheckpoint(path, ["key"], 0).load() is None


def test_no_changed_byte_passes(tmp_path):
    """A state in which any byte was changed, or that was cut, is no state."""
    stopped(tmp_path / "block.state", (3,), at=10)
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


def test_only_what_is_of_no_use_is_removed(tmp_path):
    """When a sweep ends, states of runs that it has not finished stay for the sweep that will."""
    remove_obsolete_files(tmp_path / "nowhere", [])
    stopped(tmp_path / "done.state", (3,), at=10)
    stopped(tmp_path / "open.state", (3, 4), at=10)
    (tmp_path / "a.steps").write_text("7")
    (tmp_path / "b.state").write_bytes(b"no state")
    remove_obsolete_files(tmp_path, ["key3"])
    assert [path.name for path in tmp_path.iterdir()] == ["open.state"]
    remove_obsolete_files(tmp_path, ["key3", "key4"])
    assert not tmp_path.exists()


@pytest.mark.parametrize("late", [1, 9])
def test_a_late_note_does_not_end_a_sweep(tmp_path, monkeypatch, late):
    """A worker that was given up may write while the folder is tidied: its note goes too, or stays if more come."""
    folder = tmp_path / "unfinished"
    folder.mkdir()
    remove = Path.rmdir
    notes = iter(range(late))

    def rmdir(path):
        if next(notes, None) is not None:
            (folder / "late.steps").write_text("7")
        remove(path)

    monkeypatch.setattr(Path, "rmdir", rmdir)
    remove_obsolete_files(folder, [])
    assert folder.exists() == (late > 3)


def test_other_runs_are_not_taken(tmp_path):
    """A block does not go on from the state of other runs."""
    stopped(tmp_path / "block.state", (3,), at=10)
    assert BlockCheckpoint(tmp_path / "block.state", ["key3", "key4"], 0).load() is None


def test_the_furthest_first(tmp_path):
    """If a run is in two states, the one that is further comes first."""
    stopped(tmp_path / "a.state", (3,), at=10)
    stopped(tmp_path / "b.state", (3, 4), at=20)
    left, _ = unfinished_blocks(tmp_path)
    assert [(one.path.name, one.keys, one.steps_done) for one in left] == [
        ("b.state", ["key3", "key4"], 20),
        ("a.state", ["key3"], 10),
    ]
