"""The tables runs.csv, with one row per run, and summary.csv, with one row per group."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flipflop.records.files import write_atomically
from flipflop.records.grouping import setting_of, swept_keys
from flipflop.records.record import Record
from flipflop.records.summary import summaries
from flipflop.results.paper import claim_of
from flipflop.statistics import wilson


def rows_of(records: Sequence[Record]) -> list[Mapping[str, Any]]:
    """Return the rows of runs.csv."""
    swept = swept_keys(records)
    metrics = dict.fromkeys(name for record in records for name in record.metrics)
    return [
        {
            "index": r.index,
            "key": r.key,
            "label": r.label,
            "status": r.status,
            **{key: setting_of(r, key) for key in swept},
            "seed": r.config.get("seed"),
            **{name: r.metrics.get(name) for name in metrics},
            "seconds": r.seconds,
        }
        for r in records
    ]


def write_tables(records: Sequence[Record], folder: Path) -> None:
    """Write runs.csv, with one row per run, and summary.csv, with one row per group, to a folder."""
    write_rows(folder / "runs.csv", rows_of(records))

    summary: list[Mapping[str, Any]] = []
    for group in summaries(records):
        low, high = wilson(group.successes, group.runs)
        claim = claim_of(group.settings)
        claim_low, claim_high = wilson(*claim) if claim else (None, None)
        summary.append(
            {
                **group.name,
                "runs": group.runs,
                "successes": group.successes,
                **({} if group.successes_from_reset is None else {"from_reset": group.successes_from_reset}),
                "success_low": low,
                "success_high": high,
                "paper_successes": claim.successes if claim else None,
                "paper_trials": claim.trials if claim else None,
                "paper_low": claim_low,
                "paper_high": claim_high,
                "median_steps_to_solve": group.median_steps,
                "median_environment_steps_to_solve": group.median_environment_steps,
                "median_pain": group.median_pain,
                "worst_pain": group.worst_pain,
                **{f"median_{name}": number for name, number in group.medians.items()},
                "diverged": group.diverged,
                "failed": group.failed,
                "seconds": group.seconds,
            }
        )
    write_rows(folder / "summary.csv", summary)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV, with all columns that any row has."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())
