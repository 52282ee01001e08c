"""Records and arrays of runs: they can be read back, and damage to them is detected."""

from dataclasses import replace

import numpy as np
import pytest
from baseline import RTRL, SGD, baseline

from flipflop.config.rules import ConfigError
from flipflop.core.train import train
from flipflop.records.arrays import load_arrays
from flipflop.records.files import checksum
from flipflop.records.folder import Folder
from flipflop.records.planned import PlannedRun, run_key
from flipflop.records.record import Outcome, line_of
from flipflop.records.store import damaged_blocks, read, read_jobs

TINY = {"regime.steps": 4, "method.warmup_steps": 1, "eval.episodes": 2, "eval.episode_length": 5}


def planned(seed, **changes):
    config = baseline({**TINY, "seed": seed, **changes})
    return PlannedRun(run_key(config), "label", (f"seed={seed}",), config)


def train_outcomes(runs):
    results = train([run.config for run in runs])
    return [Outcome(run, result, None) for run, result in zip(runs, results, strict=True)]


def record_runs(path, runs, outcomes=None, seconds=3.0):
    """Record runs as one block; return their records."""
    with Folder(path) as folder:
        folder.plan(runs)
        return folder.add(train_outcomes(runs) if outcomes is None else outcomes, seconds)


def test_round_trip(tmp_path):
    """A block's records and arrays are read back as they were written, each run in its slot, without pickle."""
    runs = [planned(seed) for seed in (3, 5)]
    outcomes = train_outcomes(runs)
    written = record_runs(tmp_path, runs, outcomes)

    assert read(tmp_path).records == written
    for record, outcome in zip(written, outcomes, strict=True):
        result, config = outcome.result, outcome.run.config
        assert (record.status, record.label, record.seconds, record.error) == ("ok", "label", 1.5, None)
        assert record.config["regime.steps"] == 4
        assert record.config["seed"] == config.seed
        assert record.metrics["mean_pain"] == result.metrics.mean_pain
        with np.load(tmp_path / "blocks" / f"{record.block}.npz", allow_pickle=False) as block:
            np.testing.assert_array_equal(block["pain"][record.slot], result.history.pain)
            np.testing.assert_array_equal(block["controller.recurrent"][record.slot], result.controller.recurrent)
            np.testing.assert_array_equal(block["world_model.output_bias"][record.slot], result.world_model.output_bias)
    assert damaged_blocks(tmp_path, written) == {}
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "blocks", "plan.txt", "runs.jsonl"}


def test_a_second_read_out_is_kept(tmp_path):
    """The read-out weights of sigma, which only one kind of output unit has, are among the arrays."""
    short = RTRL | {"regime.steps": 40, "eval.episodes": 2, "eval.episode_length": 5}
    config = baseline(short)
    run = PlannedRun(run_key(config), None, (), config)
    outcomes = train_outcomes([run])
    (record,) = record_runs(tmp_path, [run], outcomes)
    arrays = load_arrays(tmp_path, record)
    sigma = outcomes[0].result.controller_sigma
    np.testing.assert_array_equal(arrays["controller_sigma.output"], sigma.output)
    assert arrays["controller_sigma.output_bias"] == sigma.output_bias != 0
    assert record.metrics["success_from_reset"] is False
    assert record.metrics["stopped_at"] is None


def test_failed_runs_have_a_record_but_no_arrays(tmp_path):
    """A run that could not be trained keeps its traceback; slots count only the runs that have arrays."""
    failed, fine = planned(1), planned(2)
    first, second = record_runs(tmp_path, [failed, fine], [Outcome(failed, None, "Traceback"), *train_outcomes([fine])])
    assert (first.status, first.error, first.block, first.slot, first.metrics) == (
        "failed",
        "Traceback",
        None,
        None,
        {},
    )
    assert (second.status, second.slot) == ("ok", 0)


def test_diverged_runs_say_when(tmp_path):
    """A diverged run's record has the outer step of the check, and null for metrics that are not numbers."""
    run = planned(0, **SGD, **{"optimiser.clip_norm": None, "optimiser.lr_world_model": 1e9})
    (record,) = record_runs(tmp_path, [run])
    assert record.status == "diverged"
    assert "diverged by outer step 4" in record.error
    assert record.metrics["mean_pain"] is None
    assert "NaN" not in (tmp_path / "runs.jsonl").read_text()


def test_crashed_runs_say_how(tmp_path):
    """A run whose process died is recorded as crashed, and is not finished: it will be trained again."""
    run = planned(1)
    (record,) = record_runs(tmp_path, [run], [Outcome(run, None, "its process died", crashed=True)])
    assert (record.status, record.error, record.block) == ("crashed", "its process died", None)
    with Folder(tmp_path) as folder:
        assert folder.finished == set()


def test_the_last_line_of_a_key_counts(tmp_path):
    """A run that is trained again replaces its earlier record and keeps its index."""
    first, second = planned(0), planned(1)
    record_runs(tmp_path, [first, second], [Outcome(first, None, "an error"), *train_outcomes([second])])
    (again,) = record_runs(tmp_path, [first])
    records, problems, *_ = read(tmp_path)
    assert (records[0], records[1].config["seed"], problems) == (again, 1, [])
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 3


def test_an_index_is_given_once(tmp_path):
    """A larger plan in the same folder keeps the indices of all runs planned before, finished or not."""
    with Folder(tmp_path) as folder:
        folder.plan([planned(seed) for seed in (7, 3)])
    records = record_runs(tmp_path, [planned(seed) for seed in (1, 3, 7, 9)])
    assert {record.config["seed"]: record.index for record in records} == {7: 0, 3: 1, 1: 2, 9: 3}
    assert [record.config["seed"] for record in read(tmp_path).records] == [7, 3, 1, 9]


def test_no_records(tmp_path):
    """An empty folder has no runs and no problems."""
    assert read(tmp_path) == ([], [], {}, 0)
    assert read_jobs(tmp_path) == ([], [], {}, 0)


@pytest.fixture(scope="module")
def foreign_line(tmp_path_factory):
    """Return a line of another sweep, whose run 0 is another run."""
    path = tmp_path_factory.mktemp("foreign_line")
    record_runs(path, [planned(99)])
    return (path / "runs.jsonl").read_bytes()


DAMAGES = {
    "torn": lambda line, _: line[:-1],
    "torn in the middle": lambda line, _: line[: len(line) // 2],
    "edited": lambda line, _: line.replace(b'"episodes": 2', b'"episodes": 3'),
    "another seed": lambda line, _: line.replace(b'"seed": 1,', b'"seed": 4,'),
    "not UTF-8": lambda line, _: b"\xff\xfe" + line,
    "not JSON": lambda _, __: b"run 1: 2/2 solved\n",
    "nothing": lambda _, __: b"\n",
    "a number": lambda _, __: b"17\n",
    "a list": lambda _, __: b"[1, 2]\n",
    "deep": lambda _, __: b"[" * 100_000 + b"\n",
    "no checksum": lambda _, __: b'{"key": "0123456789abcdef", "index": 1}\n',
    "of another sweep": lambda _, foreign_line: foreign_line,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_line_is_reported_and_its_run_is_missing(tmp_path, damage, foreign_line):
    """A damaged line is reported by number, moved to damaged.jsonl at the next opening, and its run is missing."""
    runs = [planned(seed) for seed in (0, 1, 2)]
    record_runs(tmp_path, runs)
    path = tmp_path / "runs.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    harmed = DAMAGES[damage](lines[1], foreign_line)
    assert harmed != lines[1]
    last = damage.startswith("torn")  # only the last line of a file can be torn
    path.write_bytes(lines[0] + lines[2] + harmed if last else lines[0] + harmed + lines[2])

    records, problems, *_ = read(tmp_path)
    assert [record.config["seed"] for record in records] == [0, 2]
    (problem,) = problems
    assert problem.startswith(f"{path} line {3 if last else 2} ")

    with Folder(tmp_path) as folder:
        assert folder.problems == problems
        assert folder.finished == {runs[0].key, runs[2].key}
        folder.plan(runs)
        folder.add(train_outcomes([runs[1]]), seconds=1.0)
    records, problems, *_ = read(tmp_path)
    assert [(record.index, record.config["seed"]) for record in records] == [(0, 0), (1, 1), (2, 2)]
    assert problems == []
    assert (tmp_path / "damaged.jsonl").read_bytes() == harmed.rstrip(b"\n") + b"\n"


def test_results_of_another_version_are_left_out(tmp_path, monkeypatch):
    """Records with another results version are reported and left out, but stay in the file."""
    record_runs(tmp_path, [planned(0), planned(1)])
    before = (tmp_path / "runs.jsonl").read_bytes()
    for module in ("store", "folder", "planned"):
        monkeypatch.setattr(f"flipflop.records.{module}.RESULTS_VERSION", 3)
    records, problems, *_ = read(tmp_path)
    assert records == []
    assert problems == [
        f"{tmp_path / 'runs.jsonl'} has 2 records with results version 2, left out here: this flipflop makes version 3"
    ]
    (again,) = record_runs(tmp_path, [planned(0)])
    assert (again.version, again.index) == (3, 2)
    assert read(tmp_path).records == [again]
    assert (tmp_path / "runs.jsonl").read_bytes().startswith(before)
    assert len(list((tmp_path / "blocks").iterdir())) == 2


def test_files_of_dead_writers_are_removed(tmp_path):
    """Unfinished files, and arrays that no line names, are removed when the folder is opened again."""
    (record,) = record_runs(tmp_path, [planned(0)])
    for name in ("plan.txt.123.part", "blocks/0123456789abcdef.npz.123.part", "blocks/0123456789abcdef.npz"):
        (tmp_path / name).write_bytes(b"unfinished")
    with Folder(tmp_path):
        pass
    assert [path.name for path in (tmp_path / "blocks").iterdir()] == [f"{record.block}.npz"]
    assert not list(tmp_path.rglob("*.part"))


def test_a_line_of_another_version_is_named(tmp_path):
    """A record with other fields than today's is reported as one of another version."""
    (record,) = record_runs(tmp_path, [planned(0)])
    line = line_of(record).replace(b'"slot": 0', b'"row": 0')
    text = line[: line.rindex(b', "checksum"')] + b"}"
    (tmp_path / "runs.jsonl").write_bytes(text[:-1] + f', "checksum": "{checksum(text)}"}}\n'.encode())
    assert read(tmp_path).records == []
    assert "another version" in read(tmp_path).problems[0]


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (lambda content: content[:-20], "not as it was written"),
        (lambda content: b"", "not as it was written"),
        (lambda content: content[:500] + b"X" + content[501:], "not as it was written"),
        (lambda content: None, "missing"),
    ],
)
def test_runs_with_damaged_arrays_are_missing(tmp_path, harm, expected):
    """The runs of a damaged file of arrays, and no others, are trained again."""
    first, second = planned(0), planned(1)
    (damaged,) = record_runs(tmp_path, [first])
    record_runs(tmp_path, [first, second], train_outcomes([second]))
    path = tmp_path / "blocks" / f"{damaged.block}.npz"
    if (content := harm(path.read_bytes())) is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with Folder(tmp_path) as folder:
        assert folder.finished == {second.key}
        (problem,) = folder.problems
        assert problem.startswith(str(path))
        assert expected in problem
        folder.plan([first, second])
        folder.add(train_outcomes([first]), seconds=1.0)
    with Folder(tmp_path) as folder:
        assert (folder.finished, folder.problems) == ({first.key, second.key}, [])


@pytest.mark.parametrize("harm", [lambda text: text[:-3], lambda text: text[17:], lambda text: b"\xff", None])
def test_a_damaged_plan_is_reported_and_written_again(tmp_path, harm):
    """Without plan.txt the records keep their indices, and the same command gives the other runs theirs."""
    runs = [planned(seed) for seed in (5, 6, 7, 8)]
    record_runs(tmp_path, runs, train_outcomes([runs[1], runs[2]]))
    path = tmp_path / "plan.txt"
    if harm is None:
        path.unlink()
    else:
        path.write_bytes(harm(path.read_bytes()))
    assert "indices are taken from the records" in read(tmp_path).problems[0]
    record_runs(tmp_path, runs, train_outcomes([runs[0], runs[3]]))
    records, problems, *_ = read(tmp_path)
    assert [(record.index, record.config["seed"]) for record in records] == [(0, 5), (1, 6), (2, 7), (3, 8)]
    assert problems == []


def test_one_writer(tmp_path):
    """A second process cannot open an open folder, and can when it has been closed."""
    with Folder(tmp_path), pytest.raises(ConfigError, match=f"{tmp_path} is in use by another process"):
        Folder(tmp_path)
    with Folder(tmp_path):
        pass


def test_a_full_disk_leaves_the_earlier_lines(tmp_path, monkeypatch):
    """A full disk leaves the earlier lines complete and no unfinished file."""
    first, second = planned(0), planned(1)
    record_runs(tmp_path, [first])
    before = (tmp_path / "runs.jsonl").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    with Folder(tmp_path) as folder:
        folder.plan([first, second])
        outcomes = train_outcomes([second])
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(OSError, match=r"blocks.*npz"):
            folder.add(outcomes, seconds=1.0)
        with pytest.raises(OSError, match=r"runs\.jsonl"):
            folder.add([Outcome(second, None, "an error")], seconds=1.0)
    assert (tmp_path / "runs.jsonl").read_bytes() == before
    assert len(list((tmp_path / "blocks").iterdir())) == 1
    assert not list(tmp_path.rglob("*.part"))


def test_the_jobs_of_a_stock_launcher(tmp_path):
    """A sweep with one folder per job is read as one, ordered by job number."""
    written = [record_runs(tmp_path / str(job), [planned(100 - job)])[0] for job in range(11)]
    for job in range(11):
        (tmp_path / str(job) / ".hydra").mkdir()
    record_runs(tmp_path / "another sweep", [planned(0)])
    assert read_jobs(tmp_path).records == [replace(record, index=job) for job, record in enumerate(written)]
