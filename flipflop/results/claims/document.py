"""RESULTS.md, made from docs/results/ alone: a section for each question of sweeps/ that has been run.

`flipflop.cli.document.collect` copies a finished sweep's rows and one figure into docs/results/, and `document` turns
them into Markdown, in seconds and without training. A test checks that RESULTS.md is equal to the result.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from flipflop.results.claims import ledger
from flipflop.results.claims.answers import answer
from flipflop.results.claims.question import MOST_BOSCHLOO, ROOT, TABLES, Arm, Question, interval, p_value, read
from flipflop.results.terminal.formats import scientific

DOCUMENT = ROOT / "RESULTS.md"
COST = "cost"  # the table of data movement, made by flipflop.cost.growth from no sweep
LEDGER = "ledger"  # the sweep of the page's own configuration; its rows have measures beside metrics

# {name of a question's files: title of its section}, in the order of the document.
QUESTIONS = {
    "paper_claims": "The paper's claims",
    "ablations": "Deviations, each taken back",
    "full_credit": "Credit through time",
    "exploration": "What M learns from",
    "schedules": "When C starts",
    "calibration": "A better world model",
    "inputs": "What the nets see",
    "lstm": "Elman nets and LSTMs",
    "extrapolation": "Longer than trained",
    "long_lags": "Rare events",
    "query_lags": "Pain that waits to be asked",
    "distractors": "Distractors",
    "fki_126_90": "The 1990 algorithm",
}


def document(tables: Path = TABLES) -> str:
    """Return the text of RESULTS.md.

    Args:
        tables: the folder of rows, one CSV file for each question.
    """
    from flipflop.results.claims import data_movement

    questions = {name: found for name in QUESTIONS if (found := read(name, tables / f"{name}.csv"))}
    parts = [
        "# Results\n\nMade by `make results-doc` from the runs in [docs/results/](docs/results): change those, not "
        "this page.\n\nRates have 95% Wilson intervals. *steps* is the median outer step of the first success (of the "
        "1990 algorithm an environment step), where unsolved runs count as later than all; *pain* is the median over "
        "runs of the mean over the final evaluation. A success has more than .9 accuracy in every episode of the test, "
        "and need not be perfect. *p* compares an arm's rate with the first arm's, exact and two-sided: Boschloo's "
        f"test up to {MOST_BOSCHLOO} runs in both, Fisher's beyond."
    ]
    if (tables / f"{LEDGER}.csv").is_file():
        with (tables / f"{LEDGER}.csv").open(newline="") as text:
            parts.append(_ledger(list(csv.DictReader(text)), questions))
    parts += [_section(QUESTIONS[name], question) for name, question in questions.items()]
    if (tables / f"{COST}.csv").is_file():
        prices = data_movement.read(tables / f"{COST}.csv")
        parts.append(data_movement.section(prices, f"docs/results/{COST}.svg") + f"\n`make results Q={COST}`")
    if open_ones := [name for name in QUESTIONS if name not in questions]:
        parts.append("## Not run yet\n\n" + ", ".join(f"`{name}`" for name in open_ones))
    return "\n\n".join(parts) + "\n"


def _ledger(rows: Sequence[dict[str, str]], questions: dict[str, Question]) -> str:
    """Return the section on the page's statements."""
    lines = [*ledger.lines(rows), *ledger.of_questions(questions)]
    held = sum(line[-1] == "holds" for line in lines)
    return (
        f"## The page's statements\n\nEvery numeric statement of the page in {len(rows)} runs of its own configuration "
        f"(seeds 0 to {len(rows) - 1}, sequential), which was reported from seed 0. Of {len(lines)} statements {held} "
        f"hold in every run. Pain, loss and accuracy in training are means over the {ledger.WINDOW} outer steps up to "
        "the one named; the criteria are this project's readings. *Holds* means in every run, *mostly* in 95%, *does "
        "not hold* in at most 5%.\n\n"
        + _table(("where", "the page says", "seed 0", "median (10-90%)", "read as", "holds in", "verdict"), lines)
        + f"\n\n`make results Q={LEDGER}`: {_effort(float(row['seconds']) for row in rows)}."
    )


def _section(title: str, question: Question) -> str:
    """Return a question's section: the question, the table of arms, the answer and the figure."""
    arms = [arm for arm in question.arms.values() if arm.trials]
    partial = [arm for arm in question.arms.values() if len(arm.rows) < arm.planned]
    parts = [f"## {title}", question.asked[:1].upper() + question.asked[1:]]
    if question.page:
        parts.append(f"The page: {question.page}")
    lengths = [name for name in question.columns if name.startswith("mean_accuracy_at_")]
    has_reset = "success_from_reset" in question.columns
    columns = ["", "solved", "95%", "steps", "pain", "p"]
    columns += [f".99 at T {name.rpartition('_')[2]}" for name in lengths] + ["from reset"] * has_reset
    parts.append(_table(columns, [_row(arm, arms[0], lengths, has_reset) for arm in arms]))
    parts.append(answer(question))
    if partial:
        numbers = ", ".join(f"*{arm.label}* {len(arm.rows)} of {arm.planned}" for arm in partial)
        parts.append(f"Not all planned seeds were run: {numbers}.")
    parts.append(f"![{title}](docs/results/{question.name}.svg)")
    parts.append(
        f"`make results Q={question.name}`: {_effort(float(row['seconds']) for arm in arms for row in arm.rows)}."
    )
    return "\n\n".join(parts)


def _row(arm: Arm, first: Arm, lengths: Sequence[str], has_reset: bool) -> list[str]:
    """Return an arm's cells: rate, interval, medians, p against the first arm, accuracy at lengths and from reset."""
    steps, pain = arm.median("steps_to_solve"), arm.median("mean_pain")
    p = p_value((first.successes, first.trials), (arm.successes, arm.trials))
    return [
        arm.label,
        f"{arm.successes}/{arm.trials}",
        interval(arm.successes, arm.trials),
        "-" if steps is None else f"{steps:,.0f}",
        scientific(pain),
        "" if arm is first else "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0"),
        *(f"{arm.solid(name)}/{arm.trials}" for name in lengths),
        *([f"{arm.count('success_from_reset')}/{arm.trials}"] if has_reset else []),
    ]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _effort(seconds: Iterable[float]) -> str:
    """Return the number of runs and their total CPU time as text."""
    each = list(seconds)
    total = sum(each)
    return (
        f"{len(each):,} runs, {total / 60:,.0f} CPU minutes"
        if total >= 120
        else f"{len(each):,} runs, {total:,.0f} CPU s"
    )
