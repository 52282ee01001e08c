"""RESULTS.md: equal to what the committed rows give, and hand-computed for made-up rows."""

import csv

import pytest

from flipflop.cli.document import collect
from flipflop.config.rules import ConfigError
from flipflop.results.claims import ledger
from flipflop.results.claims.answers import answer
from flipflop.results.claims.document import COST, DOCUMENT, LEDGER, QUESTIONS, document
from flipflop.results.claims.question import SWEEPS, TABLES, interval, p_value, read

# Columns that every row has and no test here varies.
REST = {"status": "ok", "mean_pain": "1e-4", "seconds": "0.5"}


def write(path, arms):
    """Write a table of runs, {label: [steps to solve or None, ...]}, and return its rows."""
    rows = [
        {"label": label, "seed": seed, "success": str(steps is not None), "steps_to_solve": steps or "", **REST}
        for label, runs in arms.items()
        for seed, steps in enumerate(runs)
    ]
    with path.open("w", newline="") as text:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


def test_the_committed_document_follows_from_the_committed_rows():
    """`make results-doc` would change nothing: RESULTS.md is neither edited by hand nor older than the rows."""
    assert DOCUMENT.read_text() == document()


def test_every_table_is_of_a_question():
    """Each table in docs/results/ is a question of the document, with its sweep file and figure."""
    tables = {path.stem for path in TABLES.glob("*.csv")}
    assert tables <= {*QUESTIONS, LEDGER, COST}
    for name in tables - {COST}:
        assert (SWEEPS / f"{name}.yaml").is_file()
        assert name == LEDGER or (TABLES / f"{name}.svg").is_file()
        assert (TABLES / f"{name}.csv").stat().st_size < 2e6


CREDIT = {
    "one step, sequential": [100, 200, 300, None],
    "full, sequential": [None, None, None, 400],
    "one step, parallel": [50] * 10,
    "full, parallel": [60] * 10,
}


def test_a_section_by_hand(tmp_path):
    """The section has the rates, censored medians, missing seeds and CPU time of made-up runs."""
    write(tmp_path / "full_credit.csv", CREDIT)
    text = document(tmp_path)
    assert "| one step, sequential | 3/4 | 0.30 to 0.95 | 250 | 1.0e-4 |  |" in text
    assert "| full, sequential | 1/4 | 0.05 to 0.70 | - | 1.0e-4 | .289 |" in text
    assert "Not all planned seeds were run: *one step, sequential* 4 of 100" in text
    assert "28 runs, 14 CPU s" in text
    assert "Not run yet" in text


def test_an_answer_follows_the_numbers(tmp_path):
    """The same question has another answer if its rows change."""
    path = tmp_path / "full_credit.csv"
    write(path, CREDIT)
    assert "destabilises C is not seen" in answer(read("full_credit", path))
    write(path, CREDIT | {"full, parallel": [None] * 10})
    text = answer(read("full_credit", path))
    assert "does destabilise C: *full, parallel* 0/10" in text
    assert "Fewer solve with *full, parallel* 0/10 (p < 0.01 each)" in text
    assert "Not told from the first at p < 0.01: *full, sequential* 1/4, *one step, parallel* 10/10" in text


def test_the_1990_algorithm_against_its_claims(tmp_path):
    """Each version is compared with its claim in both tests, and the decisive choices are named."""
    path = tmp_path / "fki_126_90.csv"
    fresh = [100] * 70 + [None] * 30
    arms = {
        "concurrent, fresh seeds": fresh,
        "concurrent": [100] * 20 + [None] * 10,
        "model first, fresh seeds": [None] * 100,
        "model first": [100] * 10,
        "deterministic output": [None] * 30,
        "one-step credit": [100] * 19 + [None] * 11,
    }
    rows = write(path, arms)
    for place, row in enumerate(rows):
        row |= {"success_from_reset": str(place % 2 == 0 and row["success"] == "True"), "ever_solved": "True"}
    with path.open("w", newline="") as text:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    text = answer(read("fki_126_90", path))
    solved, from_reset = text.split("From reset, ")
    assert "*concurrent* 20/30 cannot be told from 20/30 (p = 1)" in solved
    assert "*model first, fresh seeds* 0/100 differs from 6/10" in solved
    assert "*model first* 10/10 cannot be told from 6/10 (p = 0.042)" in solved
    assert "*concurrent, fresh seeds* 35/100 differs from 20/30 (p = 0.003)" in from_reset
    assert "*model first* 5/10 cannot be told from 6/10" in from_reset
    assert "100/100 of *concurrent, fresh seeds* solve" in text
    assert "hangs on the output unit (*deterministic output* 0/30), which its claims do not tell." in text
    assert "not seen to hang on what of the gradient is kept (*one-step credit* 19/30)." in text
    assert "| concurrent, fresh seeds | 70/100 | 0.60 to 0.78 | 100 | 1.0e-4 |  | 35/100 |" in document(tmp_path)


def test_verdicts():
    """A verdict depends on the share of runs in which a statement holds."""
    assert [ledger.verdict(k, 100) for k in (100, 99, 95, 94, 6, 5, 0)] == [
        "holds",
        "mostly holds",
        "mostly holds",
        "holds for some",
        "holds for some",
        "does not hold",
        "does not hold",
    ]


def row(seed, **changes):
    measured = {statement.measure: "0.5" for statement in ledger.STATEMENTS}
    return {"seed": str(seed)} | measured | {"success": "True"} | {name: str(v) for name, v in changes.items()}


def test_ledger_lines_by_hand():
    """Each measure is checked run by run; a missing one of a diverged run meets no criterion."""
    rows = [row(0, pain_at_2000=2e-5), row(1, pain_at_2000=9e-5), row(2, pain_at_2000=1.1e-4), row(3, pain_at_2000="")]
    (line,) = [line for line in ledger.lines(rows) if line[1] == "pain below 1e-4 by step 2000"]
    assert line[2] == "2e-05"
    assert line[-2:] == ("2/4, 0.15 to 0.85", "holds for some")
    (first, *_) = ledger.lines(rows)
    assert first[3:] == ("4/4", "success", "4/4, 0.51 to 1.00", "holds")


def test_what_is_no_question_is_refused(tmp_path):
    """Collecting a sweep that is not a question of the document is refused, by name."""
    with pytest.raises(ConfigError, match=r"nonsense is no question of RESULTS\.md: it must be one of paper_claims, "):
        collect("nonsense", tmp_path)


def test_the_tests_of_two_rates():
    """Boschloo's test is used for few runs, Fisher's for many; 6/10 against 10/10 has p = 44,240/2^20."""
    assert p_value((6, 10), (10, 10)) == pytest.approx(44240 / 2**20, rel=1e-3)
    assert p_value((0, 100), (1, 100)) == pytest.approx(1.0)
    assert interval(0, 0) == "no trial"
