"""The animation of a run: its moments, its size, and that it shows the recorded run."""

import pytest
from baseline import RTRL, baseline
from PIL import Image

from flipflop.cli.animate import main
from flipflop.core.train import train
from flipflop.records.folder import Folder
from flipflop.records.planned import PlannedRun, run_key
from flipflop.records.record import Outcome

SHORT = {"regime.steps": 40, "method.warmup_steps": 5, "eval.episodes": 3, "eval.episode_length": 8}


def record_run(path, changes=()):
    config = baseline(SHORT | dict(changes))
    run = PlannedRun(run_key(config), None, (), config)
    with Folder(path) as folder:
        folder.plan([run])
        folder.add([Outcome(run, train([config])[0], None)], 1.0)


def test_from_snapshots(tmp_path, capsys):
    """A run with snapshots is animated from them, one frame each."""
    record_run(tmp_path, {"snapshots.every": 10})
    main([str(tmp_path)])
    out = capsys.readouterr().out
    assert out.startswith("5 frames, 0.0")
    assert "trained again" not in out
    with Image.open(tmp_path / "figures" / "run_0_learning.gif") as gif:
        assert gif.n_frames == 5
        assert gif.size == (630, 378)


def test_trained_again(tmp_path, capsys):
    """A run without snapshots is trained again, bitwise the same, and has at most the frames asked for."""
    record_run(tmp_path)
    main([str(tmp_path), "0", "--frames", "4", "--out", str(tmp_path / "small.gif")])
    out = capsys.readouterr().out
    assert "was trained without snapshots.every: it is trained again from its record\nbitwise the same\n" in out
    with Image.open(tmp_path / "small.gif") as gif:
        assert 2 <= gif.n_frames <= 4


def test_more_snapshots_than_frames(tmp_path, capsys):
    """Of more snapshots than frames, the first, the last and evenly spaced ones between are shown."""
    record_run(tmp_path, {"snapshots.every": 1})
    main([str(tmp_path), "--frames", "3"])
    assert capsys.readouterr().out.startswith("3 frames")


def test_the_last_frame_is_the_end(tmp_path, monkeypatch):
    """If the last outer step has no snapshot, the last frame shows the final weights."""
    moments = []
    monkeypatch.setattr("flipflop.cli.animate.gif", lambda record, steps, episodes: moments.append(steps) or b"")
    record_run(tmp_path, {"snapshots.every": 15})
    main([str(tmp_path)])
    assert moments == [[0, 15, 30, 40]]


def test_a_run_that_stopped_early_ends_there(tmp_path, monkeypatch, capsys):
    """The last frame of a run that stopped early is its stop, also when it is trained again."""
    moments = []
    monkeypatch.setattr("flipflop.cli.animate.gif", lambda record, steps, episodes: moments.append(steps) or b"")
    easy = {"eval.threshold": 0.0, "eval.success_fraction": 0.1, "eval.every": 100, "method.stop_after": 2}
    for snapshots in (90, 0):
        record_run(tmp_path / str(snapshots), RTRL | easy | {"regime.steps": 900, "snapshots.every": snapshots})
        main([str(tmp_path / str(snapshots)), "--frames", "11"])
    assert moments == [[0, 90, 180, 200], [*range(0, 201, 20)]]
    assert "\nbitwise the same\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(["9"], "has no run 9"), (["0", "--frames", "1"], "--frames=1 is not allowed: it must be 2 or more")],
)
def test_what_cannot_be_animated(tmp_path, capsys, arguments, expected):
    """A run that does not exist, or too few frames, is refused in one sentence with exit code 2."""
    record_run(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path), *arguments])
    assert stop.value.code == 2
    assert expected in capsys.readouterr().err


def test_no_sweep(tmp_path, capsys):
    """A folder without records is refused in one sentence with exit code 2."""
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path)])
    assert stop.value.code == 2
    assert "has no records" in capsys.readouterr().err
