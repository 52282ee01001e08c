"""A recorded run trained again: bitwise the same, or its differences are listed."""

import json
import re

import pytest
from baseline import baseline

from flipflop.cli.rerun import main
from flipflop.config.rules import ConfigError
from flipflop.core.train import train
from flipflop.records.configs import config_of
from flipflop.records.folder import Folder
from flipflop.records.planned import PlannedRun, run_key
from flipflop.records.record import Outcome, line_of
from flipflop.records.store import read

TINY = {"regime.steps": 30, "method.warmup_steps": 5, "eval.episodes": 3, "eval.episode_length": 8, "eval.every": 10}


@pytest.fixture
def folder(tmp_path):
    """Make a sweep of three runs, one of them failed."""
    configs = [baseline(TINY | {"seed": seed, "optimiser.clip_norm": None}) for seed in range(3)]
    runs = [PlannedRun(run_key(config), None, (), config) for config in configs]
    results = train(configs[:2])
    with Folder(tmp_path) as folder:
        folder.plan(runs)
        outcomes = [Outcome(run, result, None) for run, result in zip(runs, results, strict=False)]
        folder.add([*outcomes, Outcome(runs[2], None, "Traceback")], 1.0)
    return tmp_path


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    return stop.value.code, *capsys.readouterr()


@pytest.mark.parametrize("index", [0, 1])
def test_the_same_run(folder, capsys, index):
    """A run trained alone is bitwise the same as in its block, and the command says so."""
    code, out, errors = call(capsys, folder, index)
    assert (code, errors) == (0, "")
    assert re.match(rf"run {index} of .* is bitwise the same: 14 metrics and [\d,]+ numbers in 15 arrays", out)


def test_another_result(folder, capsys):
    """Each number that differs is listed with its recorded and its new value."""
    record = read(folder).records[1]
    other = read(folder).records[0]
    changed = {**record.metrics, "mean_pain": 0.5}
    lines = [line_of(other), line_of(type(record)(**{**vars(record), "metrics": changed, "slot": 0}))]
    (folder / "runs.jsonl").write_bytes(b"".join(lines))
    code, out, _ = call(capsys, folder, 1)
    assert code == 1
    assert re.search(r"mean_pain: 0\.5 then, 0\.\d+ now", out)
    assert re.search(r"controller\.input: 96 of 96 numbers differ, by at most \d\.\de[-+]\d\d", out)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((9,), ".* has no run 9: its runs.csv lists them"),
        ((-1,), ".* has no run -1: its runs.csv lists them"),
        ((2,), "run 2 of .* is failed: it has no result to compare with"),
    ],
)
def test_runs_that_cannot_be_compared(folder, capsys, arguments, expected):
    """A run that cannot be repeated is refused in one sentence with exit code 2."""
    code, out, errors = call(capsys, folder, *arguments)
    assert (code, out) == (2, "")
    assert re.match(f"flipflop: {expected}", errors)
    assert len(errors.splitlines()) == 1


def test_damaged_arrays(folder, capsys):
    """A run with damaged arrays is refused."""
    (block,) = (folder / "blocks").iterdir()
    block.write_bytes(block.read_bytes()[:-1])
    code, _, errors = call(capsys, folder, 0)
    assert code == 2
    assert "is not as it was written" in errors


def test_no_records(tmp_path, capsys):
    """A folder without records is refused."""
    assert "has no records" in call(capsys, tmp_path / "nowhere", 0)[2]


def test_the_config_comes_from_the_record(folder):
    """The config is the recorded one with the schema's types; foreign keys and wrong types are refused."""
    record = read(folder).records[1]
    assert config_of(record) == baseline(TINY | {"seed": 1, "optimiser.clip_norm": None})
    for change in ({"seed": "one"}, {"regime.steps": 0}, {"unknown": 1}):
        foreign = json.loads(json.dumps(vars(record)))
        foreign["config"] |= change
        with pytest.raises(ConfigError):
            config_of(type(record)(**foreign))
