"""What runs leave: lines and arrays that can be read back, and survive a torn end."""

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


def finish(runs):
    results = train([run.config for run in runs])
    return [Outcome(run, result, None) for run, result in zip(runs, results, strict=True)]


def leave(path, runs, outcomes=None, seconds=3.0):
    """Record runs as one block; returns their records."""
    with Folder(path) as folder:
        folder.plan(runs)
        return folder.add(finish(runs) if outcomes is None else outcomes, seconds)


def test_round_trip(tmp_path):
    """A block's records and arrays come back as they were, each run in its slot, and need no pickle."""
    runs = [planned(seed) for seed in (3, 5)]
    outcomes = finish(runs)
    written = leave(tmp_path, runs, outcomes)

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
    """The read-out of sigma, which runs with another output unit do not have, is among the arrays."""
    short = RTRL | {"regime.steps": 40, "eval.episodes": 2, "eval.episode_length": 5}
    config = baseline(short)
    run = PlannedRun(run_key(config), None, (), config)
    outcomes = finish([run])
    (record,) = leave(tmp_path, [run], outcomes)
    arrays = load_arrays(tmp_path, record)
    sigma = outcomes[0].result.controller_sigma
    np.testing.assert_array_equal(arrays["controller_sigma.output"], sigma.output)
    assert arrays["controller_sigma.output_bias"] == sigma.output_bias != 0
    assert record.metrics["success_from_reset"] is False
    assert record.metrics["stopped_at"] is None


def test_failed_runs_have_a_record_but_no_arrays(tmp_path):
    """A run that could not be trained keeps its traceback; its block-mate's slot counts without it."""
    failed, fine = planned(1), planned(2)
    first, second = leave(tmp_path, [failed, fine], [Outcome(failed, None, "Traceback"), *finish([fine])])
    assert (first.status, first.error, first.block, first.slot, first.metrics) == (
        "failed",
        "Traceback",
        None,
        None,
        {},
    )
    assert (second.status, second.slot) == ("ok", 0)


def test_diverged_runs_say_when(tmp_path):
    """A diverged run is on record with its check, and what it has not is null, as JSON has no NaN."""
    run = planned(0, **SGD, **{"optimiser.clip_norm": None, "optimiser.lr_world_model": 1e9})
    (record,) = leave(tmp_path, [run])
    assert record.status == "diverged"
    assert "diverged by outer step 4" in record.error
    assert record.metrics["mean_pain"] is None
    assert "NaN" not in (tmp_path / "runs.jsonl").read_text()


def test_crashed_runs_say_how(tmp_path):
    """A run whose process died is on record as crashed, and will run again."""
    run = planned(1)
    (record,) = leave(tmp_path, [run], [Outcome(run, None, "its process died", crashed=True)])
    assert (record.status, record.error, record.block) == ("crashed", "its process died", None)
    with Folder(tmp_path) as folder:
        assert folder.finished == set()


def test_the_last_line_of_a_key_counts(tmp_path):
    """A run done again replaces its earlier record, in its place."""
    first, second = planned(0), planned(1)
    leave(tmp_path, [first, second], [Outcome(first, None, "an error"), *finish([second])])
    (again,) = leave(tmp_path, [first])
    records, problems, *_ = read(tmp_path)
    assert (records[0], records[1].config["seed"], problems) == (again, 1, [])
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 3


def test_an_index_is_given_once(tmp_path):
    """A larger plan in the same folder leaves earlier runs their index, whether or not they have finished."""
    with Folder(tmp_path) as folder:
        folder.plan([planned(seed) for seed in (7, 3)])
    records = leave(tmp_path, [planned(seed) for seed in (1, 3, 7, 9)])
    assert {record.config["seed"]: record.index for record in records} == {7: 0, 3: 1, 1: 2, 9: 3}
    assert [record.config["seed"] for record in read(tmp_path).records] == [7, 3, 1, 9]


def test_no_records(tmp_path):
    """An empty folder has no runs, and nothing is wrong with that."""
    assert read(tmp_path) == ([], [], {}, 0)
    assert read_jobs(tmp_path) == ([], [], {}, 0)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A line of another sweep, in which run 0 is another run."""
    path = tmp_path_factory.mktemp("elsewhere")
    leave(path, [planned(99)])
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
    "of another sweep": lambda _, elsewhere: elsewhere,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_line_is_named_and_counts_as_not_there(tmp_path, damage, elsewhere):
    """What is no record of this sweep is named with its line, set aside at the next opening, and its run is missing."""
    runs = [planned(seed) for seed in (0, 1, 2)]
    leave(tmp_path, runs)
    path = tmp_path / "runs.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    harmed = DAMAGES[damage](lines[1], elsewhere)
    assert harmed != lines[1]
    last = damage.startswith("torn")  # a line can only be torn at the end
    path.write_bytes(lines[0] + lines[2] + harmed if last else lines[0] + harmed + lines[2])

    records, problems, *_ = read(tmp_path)
    assert [record.config["seed"] for record in records] == [0, 2]
    (problem,) = problems
    assert problem.startswith(f"{path} line {3 if last else 2} ")

    with Folder(tmp_path) as folder:
        assert folder.problems == problems
        assert folder.finished == {runs[0].key, runs[2].key}
        folder.plan(runs)
        folder.add(finish([runs[1]]), seconds=1.0)
    records, problems, *_ = read(tmp_path)
    assert [(record.index, record.config["seed"]) for record in records] == [(0, 0), (1, 1), (2, 2)]
    assert problems == []
    assert (tmp_path / "damaged.jsonl").read_bytes() == harmed.rstrip(b"\n") + b"\n"


def test_results_of_another_version_are_left_out(tmp_path, monkeypatch):
    """Runs of two versions of the results are not counted together; those of the other are named and stay."""
    leave(tmp_path, [planned(0), planned(1)])
    before = (tmp_path / "runs.jsonl").read_bytes()
    for module in ("store", "folder", "planned"):
        monkeypatch.setattr(f"flipflop.records.{module}.RESULTS_VERSION", 2)
    left, problems, *_ = read(tmp_path)
    assert left == []
    assert problems == [
        f"{tmp_path / 'runs.jsonl'} has 2 records with results version 1, left out here: this flipflop makes version 2"
    ]
    (again,) = leave(tmp_path, [planned(0)])
    assert (again.version, again.index) == (2, 2)
    assert read(tmp_path).records == [again]
    assert (tmp_path / "runs.jsonl").read_bytes().startswith(before)
    assert len(list((tmp_path / "blocks").iterdir())) == 2


def test_what_died_while_writing_leaves_no_litter(tmp_path):
    """Half-written files and arrays that no line names are removed when the folder is opened again."""
    (record,) = leave(tmp_path, [planned(0)])
    for name in ("plan.txt.123.part", "blocks/0123456789abcdef.npz.123.part", "blocks/0123456789abcdef.npz"):
        (tmp_path / name).write_bytes(b"half")
    with Folder(tmp_path):
        pass
    assert [path.name for path in (tmp_path / "blocks").iterdir()] == [f"{record.block}.npz"]
    assert not list(tmp_path.rglob("*.part"))


def test_a_line_of_another_version_is_named(tmp_path):
    """A record whose fields are not today's is not read as if they were."""
    (record,) = leave(tmp_path, [planned(0)])
    line = line_of(record).replace(b'"slot": 0', b'"row": 0')
    text = line[: line.rindex(b', "checksum"')] + b"}"
    (tmp_path / "runs.jsonl").write_bytes(text[:-1] + f', "checksum": "{checksum(text)}"}}\n'.encode())
    assert read(tmp_path).records == []
    assert "another version" in read(tmp_path).problems[0]


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda content: content[:-20], "not as it was written"),
        (lambda content: b"", "not as it was written"),
        (lambda content: content[:500] + b"X" + content[501:], "not as it was written"),
        (lambda content: None, "missing"),
    ],
)
def test_damaged_arrays_are_named_and_their_runs_are_missing(tmp_path, harm, told):
    """Arrays that are not what was written make their runs run again, and no others."""
    first, second = planned(0), planned(1)
    (damaged,) = leave(tmp_path, [first])
    leave(tmp_path, [first, second], finish([second]))
    path = tmp_path / "blocks" / f"{damaged.block}.npz"
    if (content := harm(path.read_bytes())) is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with Folder(tmp_path) as folder:
        assert folder.finished == {second.key}
        (problem,) = folder.problems
        assert problem.startswith(str(path))
        assert told in problem
        folder.plan([first, second])
        folder.add(finish([first]), seconds=1.0)
    with Folder(tmp_path) as folder:
        assert (folder.finished, folder.problems) == ({first.key, second.key}, [])


@pytest.mark.parametrize("harm", [lambda text: text[:-3], lambda text: text[17:], lambda text: b"\xff", None])
def test_a_damaged_plan_is_named_and_made_again(tmp_path, harm):
    """Without its plan a sweep keeps the indices of its records, and the same command gives the others theirs."""
    runs = [planned(seed) for seed in (5, 6, 7, 8)]
    leave(tmp_path, runs, finish([runs[1], runs[2]]))
    path = tmp_path / "plan.txt"
    if harm is None:
        path.unlink()
    else:
        path.write_bytes(harm(path.read_bytes()))
    assert "indices are taken from the records" in read(tmp_path).problems[0]
    leave(tmp_path, runs, finish([runs[0], runs[3]]))
    records, problems, *_ = read(tmp_path)
    assert [(record.index, record.config["seed"]) for record in records] == [(0, 5), (1, 6), (2, 7), (3, 8)]
    assert problems == []


def test_one_writer(tmp_path):
    """A folder that is open is refused to others, by its name, and is free again when it is closed."""
    with Folder(tmp_path), pytest.raises(ConfigError, match=f"{tmp_path} is in use by another process"):
        Folder(tmp_path)
    with Folder(tmp_path):
        pass


def test_what_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    """A disk that is full in the middle of a line leaves the lines before it, and no half a file."""
    first, second = planned(0), planned(1)
    leave(tmp_path, [first])
    before = (tmp_path / "runs.jsonl").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    with Folder(tmp_path) as folder:
        folder.plan([first, second])
        outcomes = finish([second])
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(OSError, match=r"blocks.*npz"):
            folder.add(outcomes, seconds=1.0)
        with pytest.raises(OSError, match=r"runs\.jsonl"):
            folder.add([Outcome(second, None, "an error")], seconds=1.0)
    assert (tmp_path / "runs.jsonl").read_bytes() == before
    assert len(list((tmp_path / "blocks").iterdir())) == 1
    assert not list(tmp_path.rglob("*.part"))


def test_the_jobs_of_a_stock_launcher(tmp_path):
    """A sweep of one folder per job reads as one, in the order of the jobs' numbers."""
    written = [leave(tmp_path / str(job), [planned(100 - job)])[0] for job in range(11)]
    for job in range(11):
        (tmp_path / str(job) / ".hydra").mkdir()
    leave(tmp_path / "another sweep", [planned(0)])
    assert read_jobs(tmp_path).records == [replace(record, index=job) for job, record in enumerate(written)]
