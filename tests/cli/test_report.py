"""The report: folders of records are read back and shown, whichever launcher wrote them."""

import csv

import pytest
from baseline import baseline

from flipflop.cli.report import main
from flipflop.core.train import train
from flipflop.records.folder import Folder
from flipflop.records.planned import PlannedRun, run_key
from flipflop.records.record import Outcome

TINY = {"regime.steps": 4, "method.warmup_steps": 1, "eval.episodes": 2, "eval.episode_length": 5}


def record_runs(path, *seeds):
    configs = [baseline(TINY | {"seed": seed}) for seed in seeds]
    runs = [PlannedRun(run_key(config), None, (f"seed={config.seed}",), config) for config in configs]
    with Folder(path) as folder:
        folder.plan(runs)
        folder.add([Outcome(run, result, None) for run, result in zip(runs, train(configs), strict=True)], 1.0)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_sweep(tmp_path, capsys):
    """The table is printed and both CSV files are written."""
    record_runs(tmp_path, 5, 3)
    main([str(tmp_path)])
    out, _ = capsys.readouterr()
    assert "2 runs: 2 ok" in out
    assert [(row["index"], row["seed"]) for row in rows(tmp_path / "runs.csv")] == [("0", "5"), ("1", "3")]
    assert [row["runs"] for row in rows(tmp_path / "summary.csv")] == ["2"]


def test_a_sweep_of_a_stock_launcher(tmp_path, capsys):
    """Folders of jobs are read as one sweep, in the order of job numbers, not of names."""
    for job, seed in ((10, 3), (2, 5)):
        record_runs(tmp_path / str(job), seed)
        (tmp_path / str(job) / ".hydra").mkdir()
    main([str(tmp_path)])
    assert "2 runs: 2 ok" in capsys.readouterr().out
    assert [(row["index"], row["seed"]) for row in rows(tmp_path / "runs.csv")] == [("0", "5"), ("1", "3")]


def test_a_single_run(tmp_path, capsys):
    """A single run, with Hydra's own folder beside its record, is shown as one."""
    record_runs(tmp_path, 5)
    (tmp_path / ".hydra").mkdir()
    main([str(tmp_path)])
    assert "mean pain" in capsys.readouterr().out


def test_damage_is_reported(tmp_path, capsys):
    """Damage is reported above the table, which is made of the other records."""
    record_runs(tmp_path, 5, 3)
    with (tmp_path / "runs.jsonl").open("ab") as file:
        file.write(b'{"key"')
    (block,) = (tmp_path / "blocks").iterdir()
    block.write_bytes(b"")
    main([str(tmp_path)])
    out = " ".join(capsys.readouterr().out.split())
    assert "runs.jsonl line 3 is torn" in out
    assert f"{block.name} is not as it was written" in out
    assert "2 runs: 2 ok" in out


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_nothing_to_report(tmp_path, monkeypatch, capsys, name):
    """A folder without records is refused in one sentence with exit code 2."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main([name])
    assert stop.value.code == 2
    out, errors = capsys.readouterr()
    assert (out, len(errors.splitlines())) == ("", 1)
    assert "has no records" in errors


def test_a_failed_single_run(tmp_path, capsys):
    """The error of a failed run is shown, and nothing is plotted."""
    config = baseline(TINY)
    run = PlannedRun(run_key(config), None, (), config)
    with Folder(tmp_path) as folder:
        folder.plan([run])
        folder.add([Outcome(run, None, "Traceback\nValueError: no")], 1.0)
    (tmp_path / ".hydra").mkdir()
    main([str(tmp_path)])
    out = capsys.readouterr().out
    assert "failed" in out
    assert "ValueError: no" in out
    assert not (tmp_path / "figures").exists()


def test_missing_runs_are_counted(tmp_path, capsys):
    """Planned runs that are not done are counted above the table; if none is done, the error says so."""
    runs = [
        PlannedRun(run_key(config), None, (), config) for config in (baseline(TINY | {"seed": s}) for s in range(5))
    ]
    with Folder(tmp_path) as folder:
        folder.plan(runs)
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert "has no records yet: none of its 5 runs is done" in capsys.readouterr().err
    record_runs(tmp_path, 3)
    main([str(tmp_path)])
    assert capsys.readouterr().out.startswith("4 of 5 planned runs are not done\n")
    assert "4 of 5 planned runs are not done: 0, 1, 2, 4." in (tmp_path / "report.html").read_text()


def test_a_folder_that_can_only_be_read(tmp_path, capsys, monkeypatch):
    """In a read-only folder the table is still shown, and the exit code is 1."""
    record_runs(tmp_path, 5, 3)

    def full(_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path)])
    assert stop.value.code == 1
    out, errors = capsys.readouterr()
    assert "2 runs: 2 ok" in out
    assert errors == f"flipflop: {tmp_path / 'runs.csv'} cannot be used: Read-only file system\n"
