"""Comparisons of sweeps and of groups, with records written by hand."""

import csv
import os
import re
import subprocess
import sys
from io import StringIO

import pytest
from baseline import baseline
from calling import call
from rich.console import Console

from flipflop.cli.compare import main
from flipflop.config.keys import flat, key_of
from flipflop.config.rules import ConfigError
from flipflop.records.files import checksum
from flipflop.records.record import Record, line_of
from flipflop.results.compare.matching import compare_by, compare_sweeps
from flipflop.results.compare.tables import frame, show
from flipflop.results.load import load

PARALLEL = {"regime.name": "parallel", "regime.episodes_per_step": 16, "regime.steps": 1000}
SMALL = {"controller.hidden": 8}


def runs(solved, trials, changes=(), overrides=(), steps=900, pain=1e-4, status="ok", first_seed=0):
    """Return `trials` records with consecutive seeds, of which the first `solved` solved the task."""
    records = []
    for number in range(trials):
        seed = first_seed + number
        config = flat(baseline({**dict(changes), "seed": seed}))
        is_solved = number < solved
        metrics = {
            "success": is_solved,
            "mean_pain": None if status == "diverged" else pain,
            "steps_to_solve": steps if is_solved else None,
            "environment_steps_to_solve": 40 * steps if is_solved else None,
        }
        records.append(
            Record(
                key=key_of(config, {}, 2),
                index=0,
                label=None,
                overrides=[f"seed={seed}", *overrides],
                config=config,
                origins={},
                counts_in="outer step",
                status=status,
                metrics=metrics if status in ("ok", "diverged") else {},
                error=None if status == "ok" else "Traceback\nValueError: no",
                block=None,
                slot=None,
                digest=None,
                seconds=1.0,
                version=2,
            )
        )
    return records


def sweep(folder, *groups):
    """Write the records of these groups into a folder and load it."""
    folder.mkdir()
    records = [record for group in groups for record in group]
    lines = [line_of(Record(**{**vars(record), "index": index})) for index, record in enumerate(records)]
    (folder / "runs.jsonl").write_bytes(b"".join(lines))
    plan = "\n".join(record.key for record in records)
    (folder / "plan.txt").write_text(f"{plan}\n# {checksum(plan.encode())}\n")
    return load(folder)


def both_regimes(*solved, changes=(), **more):
    return [
        runs(solved[0], 10, {**dict(changes)}, ["regime=sequential"], **more),
        runs(solved[1], 10, {**PARALLEL, **dict(changes)}, ["regime=parallel"], **more),
    ]


def printed(result, width=80):
    out = StringIO()
    show(result, Console(width=width, file=out))
    return out.getvalue()


def test_groups_are_matched_by_config(tmp_path):
    """Groups with the same config are pairs, whatever their order and seeds; what all groups differ in is named."""
    first = sweep(tmp_path / "A", *both_regimes(6, 10))
    second = sweep(tmp_path / "B", *reversed(both_regimes(10, 9, changes=SMALL, first_seed=50)))
    result = compare_sweeps([first, second])
    assert [pair.name for pair in result.comparisons] == [{"regime": "sequential"}, {"regime": "parallel"}]
    assert [(pair.first.successes, pair.second.successes) for pair in result.comparisons] == [(6, 10), (10, 9)]
    assert [pair.difference for pair in result.comparisons] == pytest.approx([0.4, -0.1])
    assert result.differing == ["S1 | S2 differ in controller.hidden 16 | 8"]
    assert result.remarks == []


def test_keys_with_no_value_in_common_differ_as_a_whole(tmp_path):
    """With regime.steps 3000 and 1000 against 500 for both, groups are matched by regime."""
    first = sweep(tmp_path / "A", *both_regimes(6, 10))
    second = sweep(tmp_path / "B", *both_regimes(1, 2, changes={"regime.steps": 500}))
    result = compare_sweeps([first, second])
    assert [pair.second.successes for pair in result.comparisons] == [1, 2]
    assert result.differing == ["S1 | S2 differ in regime.steps 3000, 1000 | 500"]


def test_a_group_in_one_sweep_only(tmp_path):
    """A group without a partner is named, with the differences to the most similar group of the other sweep."""
    first = sweep(tmp_path / "A", *both_regimes(6, 10))
    second = sweep(
        tmp_path / "B",
        runs(5, 10, PARALLEL, ["regime=parallel"], first_seed=50),
        runs(5, 10, {"regime.steps": 1000}, ["regime=sequential"]),
    )
    result = compare_sweeps([first, second])
    assert [pair.name for pair in result.comparisons] == [{"regime": "parallel"}]
    assert result.remarks == [
        "only in S1, not in S2: regime=sequential (the nearest differ in regime.steps 3000 | 1000)",
        "only in S2, not in S1: regime=sequential (the nearest differ in regime.steps 1000 | 3000)",
    ]


def test_many_groups_without_a_partner_are_counted(tmp_path):
    """Of many groups without a partner only the first are named."""
    many = [runs(1, 1, {"env.p_a": number / 100}, [f"env.p_a={number / 100}"]) for number in range(1, 41)]
    result = compare_sweeps([sweep(tmp_path / "A", runs(1, 1, {"env.p_a": 0.05})), sweep(tmp_path / "B", *many)])
    assert len(result.comparisons) == 1
    assert len(result.remarks) == 10 + 1 + 1
    assert result.remarks[10] == "and 29 more"
    assert result.remarks[11] == "S2 has 1 run of S1 again: the same numbers, and no evidence"


def test_several_sweeps(tmp_path):
    """Each further sweep is compared with the first, group by group."""
    sweeps = [
        sweep(tmp_path / str(hidden), *both_regimes(6, 10, changes={"controller.hidden": hidden}))
        for hidden in (16, 8, 4)
    ]
    result = compare_sweeps(sweeps)
    pairs = [(pair.name["regime"], pair.reference, pair.other) for pair in result.comparisons]
    assert pairs == [(regime, "S1", other) for regime in ("sequential", "parallel") for other in ("S2", "S3")]
    assert result.differing[1] == "S1 | S3 differ in controller.hidden 16 | 4"
    assert max(map(len, printed(result).splitlines())) <= 80


def test_which_of_several_groups_is_not_guessed(tmp_path):
    """One hidden size against two others has no unique partner: the sentence names --by, which works."""
    first, second = (
        sweep(tmp_path / "A", runs(9, 10)),
        sweep(tmp_path / "B", *(runs(5, 10, {"controller.hidden": n}, [f"controller.hidden={n}"]) for n in (4, 8))),
    )
    with pytest.raises(ConfigError, match=r"B differ in controller\.hidden 16 \| 4, 8, .*compare --by one of these"):
        compare_sweeps([first, second])
    result = compare_by([first, second], "controller.hidden")
    assert [(pair.reference, pair.other) for pair in result.comparisons] == [("16", "4"), ("16", "8")]


def test_by_a_key(tmp_path):
    """Groups that differ in the key are compared with its first value, all else equal; others are named."""
    groups = [
        runs(solved, 10, {"controller.hidden": hidden, "env.p_a": p}, [f"controller.hidden={hidden}", f"env.p_a={p}"])
        for solved, hidden, p in ((5, 4, 0.1), (6, 8, 0.1), (7, 4, 0.2), (8, 8, 0.2), (9, 8, 0.3))
    ]
    result = compare_by([sweep(tmp_path / "A", *groups)], "controller.hidden")
    assert [pair.name for pair in result.comparisons] == [{"env.p_a": "0.1"}, {"env.p_a": "0.2"}]
    assert [(pair.first.successes, pair.second.successes) for pair in result.comparisons] == [(5, 6), (7, 8)]
    assert result.remarks == ["nothing to compare with: controller.hidden=8, env.p_a=0.3"]
    assert result.differing == ["by controller.hidden: 4 | 8"]


@pytest.mark.parametrize("key", ["regime", "regime.name"])
def test_by_a_groups_choice(tmp_path, key):
    """By regime, the keys that its choice sets may differ and are named; other keys must be equal."""
    groups = both_regimes(6, 10) + both_regimes(1, 2, changes={"controller.hidden": 8})
    result = compare_by([sweep(tmp_path / "A", *groups)], key)
    assert [pair.name for pair in result.comparisons] == [{"controller.hidden": "16"}, {"controller.hidden": "8"}]
    assert [(pair.first.successes, pair.second.successes) for pair in result.comparisons] == [(6, 10), (1, 2)]
    assert result.differing == [
        "by regime: sequential | parallel",
        "with it regime.episodes_per_step: 1 | 16",
        "with it regime.steps: 3000 | 1000",
    ]


def test_by_a_groups_choice_swept_with_one_of_its_keys(tmp_path):
    """If regime.steps is swept beside regime, only groups of equal steps are compared."""
    groups = [
        runs(solved, 10, {**changes, "regime.steps": steps}, [f"regime.steps={steps}"])
        for changes in ({}, PARALLEL)
        for solved, steps in ((3, 100), (7, 200))
    ]
    result = compare_by([sweep(tmp_path / "A", *groups)], "regime")
    assert [pair.name for pair in result.comparisons] == [{"regime.steps": "100"}, {"regime.steps": "200"}]
    assert [(pair.first.successes, pair.second.successes) for pair in result.comparisons] == [(3, 3), (7, 7)]


def test_a_run_in_several_sweeps_counts_once(tmp_path):
    """By a key, a run found twice is one trial, by its finished record if one of them failed."""
    first = sweep(tmp_path / "A", runs(6, 10), runs(0, 10, SMALL, status="failed"))
    second = sweep(tmp_path / "B", runs(6, 10), runs(9, 10, SMALL))
    (pair,) = compare_by([first, second], "controller.hidden").comparisons
    assert (pair.first.runs, pair.second.runs, pair.second.successes) == (10, 10, 9)


def test_the_same_runs_are_no_evidence(tmp_path):
    """A remark says that a sweep repeats runs of the first, which is no evidence."""
    result = compare_sweeps([sweep(tmp_path / "A", runs(6, 10)), sweep(tmp_path / "B", runs(6, 10))])
    assert result.remarks == ["S2 has 10 runs of S1 again: the same numbers, and no evidence"]


def test_csv(tmp_path, capsys):
    """The CSV has unrounded numbers: p = 44,240 / 2^20 for 6/10 against 10/10, and intervals by hand."""
    sweep(tmp_path / "A", runs(6, 10, steps=800, pain=2e-4))
    sweep(tmp_path / "B", runs(10, 10, SMALL, steps=400, pain=1e-4))
    code, out, errors = call(main, capsys, tmp_path / "A", tmp_path / "B", "--csv", tmp_path / "out.csv")
    assert (code, errors) == (0, "")
    assert "6/10 .31-.83  10/10 .72-1.0" in out
    with (tmp_path / "out.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["reference"], row["other"]) == (str(tmp_path / "A"), str(tmp_path / "B"))
    assert (row["reference_successes"], row["reference_runs"]) == ("6", "10")
    expected = {
        "reference_low": 0.31267,
        "reference_high": 0.83182,
        "other_low": 0.72247,
        "other_high": 1,
        "difference": 0.4,
        "difference_low": 0.4 - (0.277533**2 + 0.231822**2) ** 0.5,
        "difference_high": 0.4 + (0 + (0.6 - 0.312674) ** 2) ** 0.5,
        "boschloo_p": 44_240 / 2**20,
        "detectable_difference": 0.48366,
        "reference_median_steps_to_solve": 800,
        "steps_ratio": 0.5,
        "reference_median_pain": 2e-4,
        "pain_ratio": 0.5,
    }
    assert {name: float(row[name]) for name in expected} == pytest.approx(expected, abs=5e-6)


def test_what_the_table_says(tmp_path):
    """Rates, differences with signs, p and ratios fit in 80 columns, and the test is named."""
    result = compare_sweeps(
        [
            sweep(tmp_path / "A", *both_regimes(10, 10)),
            sweep(tmp_path / "B", *both_regimes(6, 0, changes=SMALL, steps=990, pain=1e-2)),
        ]
    )
    text = printed(result)
    assert "Boschloo's exact test, two-sided" in text
    assert "sequential  10/10 .72-1.0  6/10 .31-.83  -.40 -.69..-.04   .042" in text
    assert "parallel    10/10 .72-1.0  0/10 .00-.28  -1.0 -1.0..-.61  <.001" in text
    assert "sequential    900  990   1.10  1.0e-4  1.0e-2  1.0e2" in text
    assert "parallel      900    -      -  1.0e-4  1.0e-2  1.0e2" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "miss" not in text  # both differences are significant


def test_too_few_runs(tmp_path):
    """If no difference is significant, a line says which difference these numbers of runs can detect."""
    ten = compare_sweeps([sweep(tmp_path / "A", runs(10, 10)), sweep(tmp_path / "B", runs(8, 10, SMALL))])
    text = " ".join(printed(ten).split())
    assert "10 against 10 runs tell 10/10 from 6/10, not from 7/10: they miss a true difference below 48 points" in text
    two = compare_sweeps([sweep(tmp_path / "C", runs(2, 2)), sweep(tmp_path / "D", runs(0, 2, SMALL))])
    assert "2 against 2 runs are too few to tell any difference from chance" in printed(two)


def test_many_comparisons(tmp_path):
    """Of twenty comparisons one has p below .05 by chance, which a line says."""
    sides = [
        [runs(5, 5, {"env.p_a": n / 100, **changes}, [f"env.p_a={n / 100}"]) for n in range(20)]
        for changes in ({}, SMALL)
    ]
    text = printed(compare_sweeps([sweep(tmp_path / str(n), *side) for n, side in enumerate(sides)]))
    assert "of 20 comparisons up to 1.0 have p < .05 by chance alone" in text


def test_runs_without_success_or_outcome(tmp_path):
    """Diverged runs are trials, failed and crashed ones are not; without trials there is no rate and no p."""
    first = sweep(
        tmp_path / "A",
        runs(3, 3) + runs(0, 2, status="diverged", first_seed=3) + runs(0, 2, status="failed", first_seed=5),
        runs(0, 4, PARALLEL, status="crashed"),
    )
    second = sweep(tmp_path / "B", runs(5, 5, SMALL), runs(5, 5, {**PARALLEL, **SMALL}))
    result = compare_sweeps([first, second])
    some, none = result.comparisons
    assert (some.first.successes, some.first.runs, some.difference) == (3, 5, pytest.approx(0.4))
    assert (none.first.runs, none.difference, none.interval, none.p) == (0, None, None, None)
    assert (none.steps_ratio, none.pain_ratio) == (None, None)
    assert result.remarks == ["6 runs of S1 failed or crashed: no trials"]
    assert "0/0" in printed(result)
    assert frame(result)["boschloo_p"].isna().tolist() == [False, True]
    assert frame(result)["detectable_difference"].isna().tolist() == [False, True]


def test_names_are_text(tmp_path):
    """Names from a config or a folder are printed literally, not as markup."""
    groups = [runs(1, 2, {"regime.name": name}, [f"regime={name}"]) for name in ("[red]", "[/x]")]
    result = compare_by([sweep(tmp_path / "[b]", *groups)], "regime")
    assert "[red]" in printed(result)
    assert "[/x]" in printed(result)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["A"], "one sweep has nothing to be compared with: the runs differ in controller.hidden, regime; give --by"),
        (["seeds"], "one sweep has nothing to be compared with: the runs differ only by seed; give a second sweep"),
        (["A", "--by", "controller.hiden"], "--by controller.hiden is not allowed: no run has such a key; the runs"),
        (["A", "--by", "seed"], "--by seed is not allowed: it does not tell groups apart; the runs differ in"),
        (["A", "--by", "env.p_a"], "--by env.p_a is not allowed: all runs have the same; the runs differ in"),
        (["A", "--by", "optimiser"], "--by optimiser is not allowed: all runs have the same; the runs differ in"),
        (["A", "--by", "regime.steps"], "--by regime.steps is not allowed: it goes along with regime; the runs"),
        (["A", "--by", "regime"], "--by regime finds no groups that are equal but for it: the runs differ in"),
        (["A", "nowhere"], "nowhere has no records: give the folder of a run or a sweep"),
        (["A", "A/runs.jsonl"], "A/runs.jsonl has no records: give the folder of a run or a sweep"),
        (
            ["one", "other"],
            "one and other have no group with the same config (the nearest differ in env.p_b 0.2 | 0.1)",
        ),
    ],
)
def test_what_cannot_be_compared(tmp_path, monkeypatch, capsys, arguments, sentence):
    """Wrong input ends with one sentence, which says what is possible, and code 2."""
    monkeypatch.chdir(tmp_path)
    sweep(tmp_path / "A", runs(1, 2), runs(1, 2, {**PARALLEL, **SMALL}, ["regime=parallel", "controller.hidden=8"]))
    sweep(tmp_path / "seeds", runs(1, 2))
    for name, pairs in (("one", ((0.1, 0.2), (0.2, 0.1))), ("other", ((0.1, 0.1), (0.2, 0.2)))):
        sweep(tmp_path / name, *(runs(1, 2, {"env.p_a": a, "env.p_b": b}) for a, b in pairs))
    code, out, errors = call(main, capsys, *arguments)
    assert (code, out) == (2, "")
    assert errors.startswith(f"flipflop: {sentence}")
    assert len(errors.splitlines()) == 1


def test_a_file_that_cannot_be_written(tmp_path, capsys):
    """If the CSV cannot be written, the comparison is still printed, and the code is 1."""
    sweep(tmp_path / "A", runs(6, 10))
    sweep(tmp_path / "B", runs(6, 10, SMALL))
    code, out, errors = call(main, capsys, tmp_path / "A", tmp_path / "B", "--csv", tmp_path / "nowhere" / "out.csv")
    assert code == 1
    assert "6/10" in out
    assert re.match("flipflop: .*out.csv cannot be used: No such file or directory", errors)


def test_the_command(tmp_path):
    """`python -m flipflop.compare` prints the comparison in 80 columns."""
    sweep(tmp_path / "A", runs(6, 10))
    sweep(tmp_path / "B", runs(6, 10, SMALL))
    with (tmp_path / "B" / "runs.jsonl").open("ab") as file:
        file.write(b'{"key"')
    done = subprocess.run(
        [sys.executable, "-m", "flipflop.compare", "A", "B"],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "note: B/runs.jsonl line 11 is torn" in done.stdout
    assert "S1 | S2 differ in controller.hidden 16 | 8" in done.stdout
    assert done.stderr == ""


def test_what_differs_is_short(tmp_path):
    """Of many values that differ, the first three and the last are named."""
    steps = range(10, 20)
    sides = [[runs(1, 1, {"regime.steps": n * factor, "env.p_a": n / 100}) for n in steps] for factor in (1, 100)]
    result = compare_sweeps([sweep(tmp_path / str(n), *side) for n, side in enumerate(sides)])
    assert result.differing == ["S1 | S2 differ in regime.steps 10, 11, 12 ... 19 | 1000, 1100, 1200 ... 1900"]
    assert len(result.comparisons) == 10
