"""The page's sections with tables: one of the groups of runs, one of the runs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice, pairwise

from flipflop.plurals import counted
from flipflop.records.record import FINISHED, Record
from flipflop.records.summary import Summary, summaries
from flipflop.results.load import Sweep
from flipflop.results.page.html import Column, cell, controls, escaped, sortable_table
from flipflop.results.paper import Claim, claim_of
from flipflop.results.terminal.formats import rate
from flipflop.statistics import boschloo

STATUSES = ("ok", "diverged", "failed", "crashed")


def results_section(sweep: Sweep) -> str:
    """Return the section of results as HTML: numbers of runs by status, and the table of groups with the claims."""
    counts = {status: sum(record.status == status for record in sweep.records) for status in STATUSES}
    ended = "".join(f'<li class="{status}"><b>{count:,}</b> {status}</li>' for status, count in counts.items() if count)
    solved = sum(bool(record.metrics.get("success")) for record in sweep.records)
    tried = sum(record.status in FINISHED for record in sweep.records)
    runs = f"<li><b>{len(sweep.records):,}</b> {'run' if len(sweep.records) == 1 else 'runs'}</li>"
    rows = summaries(sweep.records)
    columns = _group_columns(rows)
    headers = [column.header for column, _ in columns]
    cells = [("", [cell_of(row) for _, cell_of in columns]) for row in rows]
    about = ""
    if "from reset (95% Wilson)" in headers:
        about += " Success is after a burn-in, from reset the same test without one."
    if "paper (95% Wilson)" in headers:
        about += (
            " Paper: what it claims for the regime or version; p: Boschloo's two-sided exact test of the two rates."
        )
    return (
        f'<ul class="counts">{runs}{ended}<li><b>{solved:,}</b> of {tried:,} solved it</li></ul>\n'
        + (controls("groups", "Filter groups") if len(rows) > 1 else "")
        + sortable_table("groups", [column for column, _ in columns], cells, "Groups of runs that differ only by seed")
        + '<p class="faint">A row is the runs that differ only by seed. Steps: median to the first success, blank if '
        "half of the runs never had one. Pain: mean over the final evaluation. Failed and crashed runs are no trials; "
        f"diverged ones are trials without success.{about}</p>\n"
    )


def _group_columns(rows: Sequence[Summary]) -> list[tuple[Column, Callable[[Summary], str]]]:
    """Return the columns of the table of groups, each with the function that returns a group's cell."""
    columns: list[tuple[Column, Callable[[Summary], str]]] = [
        (Column(name, "name"), lambda row, name=name: cell(row.name.get(name)))  # type: ignore[misc]
        for name in dict.fromkeys(key for row in rows for key in row.name)
    ]
    columns.append((Column("success (95% Wilson)", "rate"), lambda row: _rate(row.successes, row.runs)))
    if any(claim_of(row.settings) for row in rows):
        columns.append((Column("paper (95% Wilson)", "rate"), lambda row: _rate_of(claim_of(row.settings))))
        columns.append((Column("p (Boschloo, two-sided)", "number"), _p_value))
    if any(row.successes_from_reset is not None for row in rows):
        columns.append((Column("from reset (95% Wilson)", "rate"), _from_reset))
    if not all(row.counts_in == "environment step" for row in rows):
        columns.append((Column("median outer steps", "number"), lambda row: cell(_whole(row.median_steps))))
    further = dict.fromkeys(name for row in rows for name in row.medians)
    return [
        *columns,
        (Column("median environment steps", "number"), lambda row: cell(_whole(row.median_environment_steps))),
        (Column("median pain", "number"), lambda row: cell(precise(row.median_pain))),
        (Column("worst pain", "number"), lambda row: cell(precise(row.worst_pain))),
        *map(_median_column, further),
        (Column("diverged", "number"), lambda row: cell(row.diverged)),
        (Column("failed", "number"), lambda row: cell(row.failed)),
        (Column("CPU s", "number"), lambda row: cell(f"{row.seconds:.1f}")),
    ]


# Cached, as one p-value takes long for many runs, and groups often have the same counts.
_boschloo = cache(boschloo)


def _median_column(metric: str) -> tuple[Column, Callable[[Summary], str]]:
    """Return the column of a metric that eval.metrics asks for."""
    return Column(f"median {metric.replace('_', ' ')}", "number"), lambda row: cell(precise(row.medians.get(metric)))


def _p_value(row: Summary) -> str:
    """Return the cell of the p-value of a group's rate against the claim."""
    claim = claim_of(row.settings)
    return cell(f"{_boschloo(row.successes, row.runs, *claim):.2g}" if claim and row.runs else None)


def _from_reset(row: Summary) -> str:
    """Return the cell of a group's rate in the test without a burn-in."""
    return cell(None) if row.successes_from_reset is None else _rate(row.successes_from_reset, row.runs)


def _rate_of(claim: Claim | None) -> str:
    """Return the cell of the claim's rate."""
    return _rate(*claim) if claim else cell(None)


def _rate(successes: int, trials: int) -> str:
    """Return the cell of a rate with its interval, which sorts by the rate."""
    return cell(rate(successes, trials), by=successes / trials if trials else None)


def _whole(number: float | None) -> str | None:
    """Format a number without decimals: `36,000`."""
    return None if number is None else f"{number:,.0f}"


def precise(number: float | None) -> str | None:
    """Format a number with three digits: `1.20e-04`."""
    return None if number is None else f"{number:.2e}"


def runs_section(sweep: Sweep, titles: Mapping[str, str]) -> str:
    """Return the section of runs as HTML: a sortable table from which one run can be picked.

    Args:
        sweep: the runs.
        titles: {key of a run: name of its group}.
    """
    columns = [
        Column("run", "number"),
        Column("group", "name"),
        Column("seed", "number"),
        Column("status"),
        Column("success"),
        Column("steps to solve", "number"),
        Column("mean accuracy", "number"),
        Column("mean pain", "number"),
        Column("CPU s", "number"),
    ]
    statuses = [status for status in STATUSES if any(record.status == status for record in sweep.records)]
    rows = [
        (f' data-status="{escaped(record.status)}"', _run_cells(record, titles[record.key])) for record in sweep.records
    ]
    missing = (
        f"<p>{sweep.missing:,} of {counted(sweep.planned, 'planned run')} are not done: "
        f"{listed(_gaps(sweep), sweep.missing)}.</p>\n"
    )
    return (
        f'{missing if sweep.missing else ""}<p id="how-to-pick" role="status">Pick a run to see its metrics, its '
        "settings and its pain while training.</p>\n"
        + controls("runs", "Filter runs", statuses)
        + sortable_table("runs", columns, rows, "Runs")
        + '<section id="picked" class="picked" aria-label="Picked run" hidden></section>\n'
    )


def _run_cells(record: Record, title: str) -> list[str]:
    """Return the cells of a run's row, in the order of the columns; `title` is its group's name."""
    metrics = record.metrics
    accuracy = metrics.get("mean_accuracy")
    return [
        f'><button type="button">{record.index}</button>',
        cell(title),
        cell(record.config.get("seed")),
        f' class="{record.status}">{record.status}' if record.status in STATUSES else cell(record.status),
        cell({"True": "yes", "False": "no"}.get(str(metrics.get("success")))),
        cell(_whole(metrics.get("steps_to_solve"))),
        cell(None if accuracy is None else f"{accuracy:.1%}"),
        cell(precise(metrics.get("mean_pain"))),
        cell(f"{record.seconds:.2f}"),
    ]


def _gaps(sweep: Sweep) -> Iterator[int]:
    """Yield the indices of planned runs that have no record; lazily, as there may be very many."""
    for before, after in pairwise([-1, *(record.index for record in sweep.records), sweep.planned]):
        yield from range(before + 1, after)


def listed(indices: Iterable[int], number: int, most: int = 40) -> str:
    """Return the first `most` of `number` indices as text: `0, 1, 2 and 37 more`."""
    more = f" and {number - most:,} more" if number > most else ""
    return ", ".join(map(str, islice(indices, most))) + more
