"""The command as people use it: what it accepts, prints, writes and refuses."""

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra

from flipflop.cli.run import main
from flipflop.records.arrays import load_arrays
from flipflop.records.store import read

TINY = ["regime.steps=6", "method.warmup_steps=2", "eval.episodes=3", "eval.episode_length=8"]
FILES = {".lock", "blocks", "plan.txt", "runs.csv", "runs.jsonl", "summary.csv", "sweep.yaml"}


@pytest.fixture
def command(tmp_path, monkeypatch, capfd):
    """Return a function that calls the command in an empty folder: (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["run"])
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments):
        os.environ.pop("HYDRA_FULL_ERROR", None)
        try:
            main(arguments)
            code = 0
        except SystemExit as stop:
            code = stop.code
        finally:
            GlobalHydra.instance().clear()
        return code, *capfd.readouterr()

    yield call
    os.environ.pop("HYDRA_FULL_ERROR", None)


def program(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "80", **environment},
    )


def only_folder(path):
    (folder,) = path.iterdir()
    return folder


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("foo=1", "foo=1 .* there is no key foo"),
        ("controller.hiden=3", "controller.hiden=3 .* did you mean controller.hidden"),
        ("controller.hidden.x=3", "controller.hidden.x=3 .* there is no key controller.hidden.x"),
        ("+new=1", "new=1 is not allowed"),
        ("++seed=1", "seed=1 is not allowed"),
        ("~seed", "~seed is not allowed"),
        ("seed", "seed .* must be key=value"),
        ("controller.hidden=abc", "controller.hidden=abc .* whole number, 1 or more"),
        ("controller.hidden=1.5", "controller.hidden=1.5 .* whole number, 1 or more"),
        ("controller.hidden=null", "controller.hidden=null .* whole number"),
        ("controller.hidden=0", "controller.hidden=0 .* 1 or more"),
        ("world_model.hidden=-3", "world_model.hidden=-3 .* 1 or more"),
        ("env.episode_length=0", "env.episode_length=0 .* 1 or more"),
        ("regime.steps=0", "regime.steps=0 .* 1 or more"),
        ("regime.steps=", "regime.steps= is not allowed"),
        ("eval.every=0", "eval.every=0 .* 1 or more"),
        ("method.warmup_steps=-1", "method.warmup_steps=-1 .* 0 or more"),
        ("env.p_a=nan", "env.p_a=nan .* probability"),
        ("env.p_a=-0.1", "env.p_a=-0.1 .* probability"),
        ("env.p_x=.9", "env.p_x=0.9 are not allowed: probabilities must sum to at most 1"),
        ("optimiser.lr_controller=0", "optimiser.lr_controller=0.0 .* above 0"),
        ("optimiser.lr_world_model=inf", "optimiser.lr_world_model=inf .* finite"),
        ("optimiser.clip_norm=-1", "optimiser.clip_norm=-1.0 .* null for no clipping"),
        ("optimiser.beta2=1", "optimiser.beta2=1.0 .* below 1"),
        ("optimiser.beta1=null", "optimiser.beta1=null .* a number from 0 to below 1"),
        ("optimiser=sgd optimiser.eps=1e-8", "optimiser.eps=1e-8 .* of optimiser=adam and optimiser=rmsprop alone"),
        ("optimiser.name=sgd", "choose optimiser=sgd"),
        ("seed=-1", "seed=-1 .* 0 or more"),
        ("seed=true", "seed=true .* whole number"),
        ("seed=1 seed=2 seed=3", r"seed is given twice \(seed=1 and seed=2\)"),
        ("seed=0..3", "seed=0,1,2,3 has several values: .* -m"),
        ("seed=range(0,3)", "seed=range.* has several values: .* -m"),
        ("dtype=float16", "dtype=float16 .* float64, float32"),
        ("method.credit=half", "method.credit=half .* one_step, full"),
        ("regime=fast", "regime=fast .* parallel, sequential"),
        ("method=rtrl_1990 regime=parallel", "regime.name=parallel .* stream with method=rtrl_1990"),
        ("-m method=rtrl_1990 controller=elman,lstm", "controller.cell=lstm .* with method=rtrl_1990"),
        ("regime=stream", "regime.name=stream .* with method=rtrl_1990"),
        ("env=3", "env=3 is not allowed"),
        ("name=a/b", "name=a/b .* letters, digits"),
        ("name=..", r"name=\.\. is not allowed"),
        ("controller.hidden=[1", r"controller.hidden=\[1 .* cannot be read"),
        ("-cn nowhere", "no config named nowhere"),
        ("-m seed=5..3..1", "seed=5..3..1 is an empty range"),
        ("-m seed=range(3,3)", r"seed=range\(3,3\) is an empty range"),
        ("-m seed=0,1 controller.hidden=3,x", "controller.hidden=x .* whole number"),
        ("-m seed=0,1 env.p_a=0.1,1.5", "env.p_a=1.5 .* probability"),
        ("-m seed=0,1 foo.bar=1,2", "foo.bar=1 .* there is no key foo"),
        ("-m seed=0,1 regime=sequential,fast", "regime=fast .* parallel, sequential"),
        ("-m name=a,b", "name=a,b .* one name"),
        ("-m dry_run=true,false", "dry_run=true,false .* one dry_run"),
        ("-m seed=0 name=a/b", "name=a/b .* letters, digits"),
        ("-m seed=0 hydra.launcher.n_jobs=0", "hydra.launcher.n_jobs=0 .* 1 or more"),
        ("-m seed=0 hydra.launcher.block_size=0", "hydra.launcher.block_size=0 .* 1 or more"),
        ("-m seed=0 hydra.launcher.backend=ray", "hydra.launcher.backend=ray .* loky, dask"),
        ("-m seed=0 hydra.launcher.backend=dask", "hydra.launcher.scheduler=null .* tcp://host:8786"),
        ("-m seed=0 hydra.launcher.scheduler=tcp://a:1", "hydra.launcher.scheduler=tcp://a:1 .* null with .*loky"),
        (
            "-m seed=0 hydra.launcher.backend=dask hydra.launcher.scheduler=tcp://a:1 hydra.launcher.n_jobs=2",
            "hydra.launcher.n_jobs=2 .* -1 with .*dask",
        ),
        ("-m seed=0 hydra/launcher=nowhere", "hydra/launcher=nowhere .* flipflop"),
    ],
)
def test_wrong_input(command, tmp_path, arguments, expected):
    """Wrong input is refused in one sentence with key, value and what is allowed, exit code 2; nothing is written."""
    code, out, errors = command(*arguments.split(" "))
    assert (code, out) == (2, "")
    assert len(errors.splitlines()) == 1
    assert re.search(expected, errors), errors
    assert list(tmp_path.iterdir()) == []


def test_a_warm_up_beyond_the_steps_is_allowed(command):
    """A controller that never learns is allowed: it is an experiment too."""
    code, out, _ = command("regime.steps=3", "method.warmup_steps=9", *TINY[2:])
    assert code == 0
    assert "success" in out


def test_a_single_run(command, tmp_path):
    """A single run writes the files of a sweep with one line, and Hydra's own, and prints its result."""
    code, out, errors = command("seed=3", *TINY)
    assert (code, errors) == (0, "")
    folder = only_folder(tmp_path / "outputs" / "runs")
    assert {path.name for path in folder.iterdir()} == FILES | {".hydra"}
    (record,) = read(folder).records
    assert (record.status, record.config["seed"], record.config["regime.steps"]) == ("ok", 3, 6)
    assert f"{record.metrics['solved_episodes']}/3" in out
    assert f"{record.metrics['mean_pain']:.4e}" in out
    assert max(map(len, out.splitlines())) <= 80


STREAM = (
    "method=rtrl_1990",
    "regime.steps=3000",
    "eval.every=500",
    "eval.episodes=3",
    "history.every=500",
    "method.stop_after=2",
    "eval.threshold=0.1",
)


def test_a_run_of_the_1990_algorithm(command, tmp_path):
    """method=rtrl_1990 sets all that goes with it; results of both tests are printed, in environment steps alone."""
    code, out, errors = command("seed=3", *STREAM)
    assert (code, errors) == (0, "")
    (record,) = read(only_folder(tmp_path / "outputs" / "runs")).records
    stopped_at = record.metrics["stopped_at"]
    assert 1000 <= stopped_at < 3000
    assert (record.config["optimiser.name"], record.config["regime.name"]) == ("sgd", "stream")
    lines = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in out.splitlines())
    assert re.fullmatch(r"yes, \d/3", lines["from reset"])
    assert lines["first solved"] == f"environment step {record.metrics['steps_to_solve']:,}"
    assert lines["ended early"] == "after 2 solved checks in a row"
    assert lines["trained for"].startswith(f"{stopped_at:,} environment steps, ")
    assert max(map(len, out.splitlines())) <= 80


def test_a_sweep_of_the_1990_algorithm(command, tmp_path):
    """Each of the two schedules stands beside the claim it is compared with; a second call prints the same table."""
    versions = "method.schedule=concurrent,model_first"
    arguments = ("-m", "seed=0,1", versions, "method.warmup_steps=600", *STREAM, "name=both")
    code, out, errors = command(*arguments)
    assert (code, errors) == (0, "")
    table = out[out.index("success") :]
    assert re.search(r"concurrent +\d/2 \S+ +20/30 .49-.81 +\d/2 ", table)
    assert re.search(r"model_first +\d/2 \S+ +6/10 .31-.83 +\d/2 ", table)
    assert "outer" not in table
    assert max(map(len, out.splitlines())) <= 80
    rows = list(csv.DictReader((tmp_path / "outputs" / "sweeps" / "both" / "summary.csv").read_text().splitlines()))
    assert all(0 <= int(row["from_reset"]) <= int(row["runs"]) == 2 for row in rows)
    assert command(*arguments)[1].endswith(table)


def test_a_sweep(command, tmp_path):
    """A sweep writes its files under its name, a record per run, and prints a row per regime beside the claims."""
    code, out, errors = command("-m", "seed=0..2", "regime=sequential,parallel", "name=mine", *TINY)
    assert (code, errors) == (0, "")
    folder = tmp_path / "outputs" / "sweeps" / "mine"
    assert {path.name for path in folder.iterdir()} == FILES
    records = read(folder).records
    assert [record.index for record in records] == list(range(6))
    assert {(record.status, record.config["name"]) for record in records} == {("ok", "mine")}
    assert len((folder / "runs.jsonl").read_text().splitlines()) == 6
    assert {record.block for record in records} == {path.stem for path in (folder / "blocks").iterdir()}
    rows = list(csv.DictReader((folder / "runs.csv").read_text().splitlines()))
    assert [(row["seed"], row["regime"]) for row in rows][:3] == [
        ("0", "sequential"),
        ("0", "parallel"),
        ("1", "sequential"),
    ]
    assert [float(row["mean_pain"]) for row in rows] == [record.metrics["mean_pain"] for record in records]
    assert "6/10 .31-.83" in out
    assert "20/30 .49-.81" in out
    assert "6 runs: 6 ok" in out


def test_two_knobs_make_four_groups(command):
    """Rows are named by the swept knobs alone, and seeds are counted within them."""
    arguments = ["optimiser.lr_controller=1e-3,5e-3", "controller.hidden=8,16", "regime.steps=6"]
    _, out, _ = command("-m", "seed=0..3", *arguments, *TINY[1:])
    rows = [line.split()[:3] for line in out.splitlines() if "/4 " in line]
    assert rows == [[rate, hidden, "0/4"] for rate in ("0.001", "0.005") for hidden in ("8", "16")]


def test_another_world_and_other_lengths(command, tmp_path):
    """The test's world is an axis like others; other lengths are metrics, and accuracy is counted by lag."""
    asked = ["eval/env=sparse,flipflop", "eval.lengths=[9,70]", "env=query", "eval.env.p_x=0.2"]
    code, out, errors = command("-m", "seed=0,1", *asked, "name=mine", "regime.steps=6", *TINY[1:])
    assert (code, errors) == (0, "")
    assert [line.split()[0] for line in out.splitlines() if "/2 " in line] == ["sparse", "flipflop"]
    records = read(tmp_path / "outputs" / "sweeps" / "mine").records
    worlds = [(r.config["env.pain_at"], r.config["eval.env.p_a"], r.config["eval.env.pain_at"]) for r in records]
    assert worlds == [("x", 0.005, "every"), ("x", 0.1, "every")] * 2
    for record in records:
        assert record.config["eval.lengths"] == [9, 70]
        assert [name for name in record.metrics if name.endswith("_at_70")] == [
            "solved_episodes_at_70",
            "mean_accuracy_at_70",
            "mean_pain_at_70",
        ]
        counts = load_arrays(tmp_path / "outputs" / "sweeps" / "mine", record)
        assert counts["by_lag.steps"].sum() == record.config["eval.episodes"] * 70
        right = counts["by_lag.correct"].sum() / counts["by_lag.steps"].sum()
        assert right == pytest.approx(record.metrics["mean_accuracy_at_70"])


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_stock_launchers_give_the_same_numbers(command, tmp_path, launcher):
    """Each job of a stock launcher is a block of one run, bitwise equal to the same run of flipflop's launcher."""
    axes = ["seed=0,1", "optimiser.lr_controller=1e-3,5e-3", *TINY]
    assert command("-m", "name=ours", *axes)[0] == 0
    code, out, _ = command("-m", f"hydra/launcher={launcher}", "name=stock", *axes)
    assert code == 0
    assert "4 runs: 4 ok" in out

    ours, stock = (tmp_path / "outputs" / "sweeps" / name for name in ("ours", "stock"))
    theirs = {record.key: (stock / str(job), record) for job in range(4) for record in read(stock / str(job)).records}
    for record in read(ours).records:
        folder, other = theirs[record.key]
        assert other.metrics == record.metrics
        with (
            np.load(ours / "blocks" / f"{record.block}.npz") as one,
            np.load(folder / "blocks" / f"{other.block}.npz") as two,
        ):
            assert one.files == two.files
            assert all(np.array_equal(one[name][record.slot], two[name][other.slot]) for name in one.files)


def test_sweep_files(tmp_path, command):
    """A file of sweeps/ runs by its name from any folder, with labels as rows; the command line replaces its axes."""
    code, out, errors = command("-cn", "paper_claims", "seed=0..1", "name=claims", *TINY)
    assert (code, errors) == (0, "")
    records = read(tmp_path / "outputs" / "sweeps" / "claims").records
    assert [(record.label, record.config["seed"]) for record in records] == [
        (label, seed) for label in ("sequential", "parallel") for seed in (0, 1)
    ]
    assert "label" in out
    (tmp_path / "wrong.yaml").write_text(
        "defaults: [config, _self_]\nhydra: {mode: MULTIRUN, sweeper: {grids: [{seed: 1}]}}\n"
    )
    code, _, errors = command("-cd", str(tmp_path), "-cn", "wrong")
    assert code == 2
    assert "each of its items must be {label: ..., params: {...}}" in errors


def test_null_is_a_value_of_a_sweep_file(tmp_path, command):
    """YAML's null among an axis's values means the same as null on the command line."""
    (tmp_path / "clip.yaml").write_text(
        "defaults: [config, _self_]\nhydra: {mode: MULTIRUN, sweeper: {params: {optimiser.clip_norm: [null, 0.5]}}}\n"
    )
    code, _, errors = command("-cd", str(tmp_path), "-cn", "clip", "name=clip", *TINY)
    assert (code, errors) == (0, "")
    records = read(tmp_path / "outputs" / "sweeps" / "clip").records
    assert [record.config["optimiser.clip_norm"] for record in records] == [None, 0.5]


def test_paper_claims_has_the_papers_counts(tmp_path, command):
    """paper_claims has 10 sequential and 30 parallel runs, as many as the paper's trials."""
    assert command("-cn", "paper_claims", "name=counts", "regime.steps=1", *TINY[1:])[0] == 0
    records = read(tmp_path / "outputs" / "sweeps" / "counts").records
    assert Counter((record.label, record.config["regime.name"]) for record in records) == {
        ("sequential", "sequential"): 10,
        ("parallel", "parallel"): 30,
    }


def test_broken_yaml_is_one_sentence(tmp_path, command):
    """A sweep file that cannot be read is refused in one sentence."""
    (tmp_path / "broken.yaml").write_text("hydra: {mode: [\n")
    code, out, errors = command("-cd", str(tmp_path), "-cn", "broken")
    assert (code, out) == (2, "")
    assert len(errors.splitlines()) == 1
    assert "broken.yaml" in errors


def test_a_failed_run_fails_the_sweep(command, tmp_path, monkeypatch):
    """A sweep with a failed run trains the others, names the failed one and exits with 1."""
    from flipflop.core.train import train
    from flipflop.sweep.engine import blocks

    def train_all_but_one(configs, *more):
        if any(config.seed == 1 for config in configs):
            raise RuntimeError("seed 1 cannot be trained")
        return train(configs, *more)

    monkeypatch.setattr(blocks, "train", train_all_but_one)
    code, out, errors = command("-m", "seed=0..2", "name=some", "hydra.launcher.n_jobs=1", *TINY)
    assert code == 1
    assert "3 runs: 2 ok, 1 failed" in out
    assert "run 1 failed: RuntimeError: seed 1 cannot be trained" in out
    assert errors == "flipflop: 1 of 3 runs failed\n"
    records = read(tmp_path / "outputs" / "sweeps" / "some").records
    assert [record.status for record in records] == ["ok", "failed", "ok"]


def test_the_same_command_trains_nothing_again(command, tmp_path):
    """A named sweep that is complete is shown again and nothing is trained; an unnamed one is a new sweep."""
    sweep = ["-m", "seed=0..2", "name=some", "hydra.launcher.n_jobs=1", *TINY]
    _, out, _ = command(*sweep)
    folder = tmp_path / "outputs" / "sweeps" / "some"
    lines = (folder / "runs.jsonl").read_bytes()
    code, again, errors = command(*sweep)
    assert (code, errors) == (0, "")
    assert again.splitlines()[0] == "3 runs, all of them done before"
    assert again.splitlines()[1:] == out.splitlines()[1:]
    assert (folder / "runs.jsonl").read_bytes() == lines
    assert len(yaml.safe_load((folder / "sweep.yaml").read_text())) == 2

    _, out, _ = command("-m", "seed=0..2", "hydra.launcher.n_jobs=1", *TINY)
    assert out.splitlines()[0] == "3 runs in 1 block on 1 core"


def test_a_dry_run_writes_nothing(command, tmp_path):
    """dry_run=true shows runs, groups, what is done and how long the rest takes, and writes nothing."""
    axes = ["-m", "regime=sequential,parallel", "name=some", "hydra.launcher.n_jobs=1", *TINY]
    code, out, errors = command(*axes, "seed=0..2", "dry_run=true")
    assert (code, errors) == (0, "")
    assert list(tmp_path.iterdir()) == []
    assert re.search(r"sequential +3 +0 +3\n", out)
    assert "6 runs in 2 groups; in outputs/sweeps/some" in out
    assert re.search(r"6 to run in 2 blocks on 1 core: about \d+ s, \d+ s of CPU time", out)
    assert out.endswith("dry_run=true: nothing was run or written\n")

    command(*axes, "seed=0,1")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    _, out, _ = command(*axes, "seed=0..2", "dry_run=true")
    assert re.search(r"parallel +3 +2 +1\n", out)
    assert "2 to run in 2 blocks" in out
    _, out, _ = command(*axes, "seed=0,1", "dry_run=true")
    assert "to run in" not in out
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("arguments", [["seed=3"], ["-m", "seed=0..2"], ["-m", "seed=0..2", "hydra/launcher=basic"]])
def test_every_kind_of_dry_run(command, tmp_path, arguments):
    """Single runs and stock launchers have a dry run too."""
    code, out, errors = command(*arguments, "dry_run=true")
    assert (code, errors) == (0, "")
    assert f"{3 if '-m' in arguments else 1} to run in" in out
    assert list(tmp_path.iterdir()) == []


def test_figures_on_request(command, tmp_path):
    """figures=true plots the figures of a run, and of a sweep its figures and a page."""
    code, out, errors = command("seed=0", "figures=true", *TINY)
    assert (code, errors) == (0, "")
    folder = only_folder(tmp_path / "outputs" / "runs") / "figures"
    names = {path.name for path in folder.iterdir()}
    assert {"test_episode.png", "pain_landscape.svg", "controller_weights.png"} <= names
    assert "figures: training_curves, test_episode" in out

    code, out, errors = command("-m", "seed=0", "figures=true", "name=some", "hydra.launcher.n_jobs=1", *TINY)
    assert (code, errors) == (0, "")
    assert out.endswith("report: outputs/sweeps/some/report.html\n")
    assert "HYDRA" not in out  # and no log of a library
    assert (tmp_path / "outputs" / "sweeps" / "some" / "report.html").is_file()
    assert (tmp_path / "outputs" / "sweeps" / "some" / "figures" / "success.png").is_file()


def test_a_stock_launcher_does_not_mix_sweeps(command):
    """A stock launcher is refused a folder that has a sweep."""
    sweep = ["-m", "seed=0", "name=some", "hydra/launcher=basic", *TINY]
    assert command(*sweep)[0] == 0
    code, _, errors = command(*sweep)
    assert code == 2
    assert errors == (
        "flipflop: outputs/sweeps/some already has a sweep: hydra/launcher=basic cannot go on with one, "
        "choose another name=\n"
    )


def test_stock_sweepers_have_no_dry_run(command, tmp_path):
    """A dry run with a sweeper that has no plan is refused."""
    for launcher in ("flipflop", "basic"):
        code, out, errors = command("-m", "seed=0", "dry_run=true", "hydra/sweeper=basic", f"hydra/launcher={launcher}")
        assert (code, out) == (2, "")
        assert errors == "flipflop: dry_run=true is not allowed with hydra/sweeper=basic, which has no plan\n"
        assert list(tmp_path.iterdir()) == []


def test_our_launcher_does_not_mix_sweeps(command):
    """Our launcher is refused a folder with a sweep of a stock launcher, whose runs it would leave out."""
    sweep = ["-m", "seed=0", "name=some", *TINY]
    assert command(*sweep, "hydra/launcher=basic")[0] == 0
    for more in ([], ["dry_run=true"]):
        code, _, errors = command(*sweep, *more)
        assert code == 2
        assert errors == "flipflop: outputs/sweeps/some has a sweep of a stock launcher: choose another name=\n"


def test_the_command_is_kept_as_it_was_given(command, tmp_path):
    """sweep.yaml has the command as it was typed, with its ranges, so that it can be repeated."""
    command("-m", "seed=0..2", "name=some", "hydra.launcher.n_jobs=1", *TINY)
    (entry,) = yaml.safe_load((tmp_path / "outputs" / "sweeps" / "some" / "sweep.yaml").read_text())
    assert entry["command"].startswith("python -m flipflop.run -m seed=0..2 name=some hydra.launcher.n_jobs=1 ")


def test_a_failed_single_run(command, tmp_path, monkeypatch):
    """A single run that fails ends with one sentence, exit code 1 and a record with its traceback."""

    def train(*_):
        raise RuntimeError("it cannot be trained")

    from flipflop.sweep.engine import blocks

    monkeypatch.setattr(blocks, "train", train)
    code, out, errors = command("seed=0")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"flipflop: RuntimeError: it cannot be trained; the traceback is in \S+\n", errors)
    (record,) = read(only_folder(tmp_path / "outputs" / "runs")).records
    assert "Traceback" in record.error


def test_a_folder_that_cannot_be_made(command, tmp_path):
    """A file in the place of outputs/ is reported in one sentence with exit code 1."""
    (tmp_path / "outputs").write_text("in the way")
    for arguments in (["seed=0", *TINY], ["-m", "seed=0", "hydra.launcher.n_jobs=1", *TINY]):
        code, _, errors = command(*arguments)
        assert code == 1
        assert re.fullmatch(r"flipflop: \S*outputs\S* cannot be used: .*\n", errors)


def test_help_reads_well(command):
    """--help says what the program does, lists its groups and gives five commands to try."""
    code, out, _ = command("--help")
    assert code == 0
    assert out.startswith("flipflop: re-run, question and extend")
    assert out.count("python -m flipflop.run ") >= 6
    for group in (
        "env: delayed, distractors, flipflop, query, sparse, toggle",
        "eval/env: as_trained, distractors, flipflop, query, sparse",
        "optimiser: adam, rmsprop, sgd",
        "regime: parallel, sequential, stream",
        "method: direct, rtrl_1990, world_model",
    ):
        assert group in out


def test_the_full_error_on_request(tmp_path):
    """HYDRA_FULL_ERROR=1 shows the traceback, as in every Hydra program."""
    run = program("-m", "flipflop.run", "controller.hidden=x", cwd=tmp_path, HYDRA_FULL_ERROR="1")
    assert "Traceback" in run.stderr
    assert "controller.hidden" in run.stderr


def test_the_run_path_is_light(tmp_path):
    """Neither a run nor a sweep with its table imports pandas, scipy or matplotlib, which take longer than a run."""
    script = (
        "import json, sys\n"
        "from flipflop.cli.run import main\n"
        "main(sys.argv[1:])\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    for arguments in (["seed=0"], ["-m", "seed=0..1", "hydra.launcher.n_jobs=1"]):
        run = program("-c", script, *arguments, *TINY, cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        loaded = json.loads(run.stdout.splitlines()[-1])
        assert "numpy" in loaded
        assert {"pandas", "scipy", "matplotlib"}.isdisjoint(loaded)


def test_as_a_module_from_another_folder(tmp_path):
    """Python -m flipflop.run works outside a checkout, and its worker processes find the package."""
    run = program("-m", "flipflop.run", "-cn", "smoke", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert "8 runs: 8 ok" in run.stdout
