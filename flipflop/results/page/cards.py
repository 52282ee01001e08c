"""The page's sections on single runs: cards with the figures of selected runs, and the errors of all runs."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from flipflop.config.rules import ConfigError
from flipflop.plurals import counted
from flipflop.records.record import Record
from flipflop.results.load import Sweep
from flipflop.results.page.data import last_line
from flipflop.results.page.html import escaped
from flipflop.results.page.result_tables import listed, precise
from flipflop.results.page.svg import Figures, figure_element

SHOWN = 12  # the most runs with a card
LONGEST_ERROR = 4000  # characters of an error that are shown


class Choice(NamedTuple):
    """A run that gets a card."""

    record: Record
    why: str  # its status if it went wrong, else its place in its group: best, median, worst or only one


def choices(sweep: Sweep, most: int = SHOWN) -> list[Choice]:
    """Select the runs that get a card: those that went wrong, then the best, median and worst of each group by pain.

    Unless all runs went wrong, those that did get at most half of the places. If the places do not suffice for three
    runs of each group, best runs are selected first, then median ones, then worst ones.

    Args:
        sweep: the runs.
        most: the number of places.
    """
    wrong = [record for record in sweep.records if record.status != "ok"]
    ranked = [
        sorted((record for record in group.records if record.status == "ok"), key=_pain) for group in sweep.groups()
    ]
    ranked = [members for members in ranked if members]
    chosen = [Choice(record, record.status) for record in wrong[: most // 2 if ranked else most]]

    # Each run is selected once: in a group of two the best is also the median, in a group of one it is all three.
    selected: dict[tuple[int, int], str] = {}  # {(number of the group, rank in the group): why}
    for why in ("best", "median", "worst"):
        for number, members in enumerate(ranked):
            rank = {"best": 0, "median": (len(members) - 1) // 2, "worst": len(members) - 1}[why]
            if (number, rank) not in selected and len(selected) < most - len(chosen):
                selected[number, rank] = why if len(members) > 1 else "only one"
    chosen += [Choice(ranked[number][rank], why) for (number, rank), why in sorted(selected.items())]
    return chosen


def _pain(record: Record) -> tuple[float, int]:
    """Return the key by which runs are ranked: mean pain, then index."""
    pain = record.metrics.get("mean_pain")
    return float("inf") if pain is None else pain, record.index


def cards_section(sweep: Sweep, titles: Mapping[str, str], run_figures: Callable[[Record], Figures]) -> str:
    """Return the section of cards as HTML: the first one is open.

    Args:
        sweep: the runs.
        titles: {key of a run: name of its group}.
        run_figures: returns the figures of a run.
    """
    cards: list[str] = []
    for record, why in choices(sweep):
        summary, content = _card(record, why, run_figures)
        name = f"Run {record.index}, {escaped(titles[record.key])}, seed {escaped(record.config.get('seed'))}"
        cards.append(
            f'<details id="run-{record.index}"{"" if cards else " open"}><summary><b>{name}</b>: {summary}</summary>'
            f"{content}</details>\n"
        )
    others = len(sweep.records) - len(cards)
    hint = f" Any of the other {others:,} can be picked in the table above." if others else ""
    return (
        "<p>Runs that went wrong first, then of each group the best, the median and the worst by mean pain, "
        f"{SHOWN} at most.{hint}</p>\n{''.join(cards)}"
    )


def _card(record: Record, why: str, run_figures: Callable[[Record], Figures]) -> tuple[str, str]:
    """Return a card's summary and its content as HTML: figures of a run that is ok, the error of any other."""
    if record.status != "ok":
        summary = f'<span class="{escaped(why)}">{escaped(why)}</span>'
        return summary, f"<pre>{escaped(_clipped(record.error))}</pre>"
    summary = f"{why} of its group by mean pain, {precise(record.metrics.get('mean_pain')) or 'none'}"
    try:
        figures = run_figures(record)
    except ConfigError as error:  # its arrays are damaged
        return summary, f"<p>Its figures cannot be drawn: {escaped(error)}.</p>"
    return summary, "".join(figure_element(name, svg, f"run-{record.index}") for name, svg in figures.items())


def failures_section(sweep: Sweep) -> str:
    """Return the section of errors as HTML, with the runs of the same error together; empty if no run went wrong."""
    by_error: dict[tuple[str, str], list[int]] = {}
    for record in sweep.records:
        if record.status != "ok":
            by_error.setdefault((record.status, _clipped(record.error)), []).append(record.index)
    parts = []
    for (status, error), indices in by_error.items():
        name = f"{'Run' if len(indices) == 1 else counted(len(indices), 'run') + ':'} {listed(indices, len(indices))}"
        head = f'<b>{name}</b> <span class="{escaped(status)}">{escaped(status)}</span>: {escaped(last_line(error))}'
        if len(error.strip().splitlines()) > 1:
            parts.append(f"<details><summary>{head}</summary><pre>{escaped(error)}</pre></details>\n")
        else:
            parts.append(f"<p>{head}</p>\n")
    return "".join(parts)


def _clipped(error: str | None) -> str:
    """Return an error, of a long one its beginning and its end, which say where it began and what it is."""
    text = error or "nothing is noted of why"
    if len(text) <= LONGEST_ERROR:
        return text
    half = LONGEST_ERROR // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters left out ...\n{text[-half:]}"
