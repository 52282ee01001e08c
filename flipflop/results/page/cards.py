"""Runs with a card of their own on the page, and what went wrong in others."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from flipflop.config.rules import ConfigError
from flipflop.progress import counted
from flipflop.records.record import Record
from flipflop.results.load import Sweep
from flipflop.results.page.html import escaped, last_line
from flipflop.results.page.result_tables import listed, precise
from flipflop.results.page.svg import Figures, figure_element

SHOWN = 12  # runs with a card of their own
LONGEST_ERROR = 4000  # characters of an error


class Choice(NamedTuple):
    """A run with a card of its own, and why."""

    record: Record
    why: str


def choices(sweep: Sweep, most: int = SHOWN) -> list[Choice]:
    """The runs worth a look: those that went wrong, then of every group the best, the median and the worst.

    Where some trained to their end, those that went wrong get at most half of the places. Where there are more groups
    than places, the best of each come before any median, and those before any worst.
    """
    wrong = [record for record in sweep.records if record.status != "ok"]
    ranked = [
        sorted((record for record in group.records if record.status == "ok"), key=_pain) for group in sweep.groups()
    ]
    ranked = [members for members in ranked if members]
    chosen = [Choice(record, record.status) for record in wrong[: most // 2 if ranked else most]]

    # By place in the group: of two runs the better is also the median, of one run it is all three.
    places: dict[tuple[int, int], str] = {}
    for why in ("best", "median", "worst"):
        for number, members in enumerate(ranked):
            place = {"best": 0, "median": (len(members) - 1) // 2, "worst": len(members) - 1}[why]
            if (number, place) not in places and len(places) < most - len(chosen):
                places[number, place] = why if len(members) > 1 else "only one"
    chosen += [Choice(ranked[number][place], why) for (number, place), why in sorted(places.items())]
    return chosen


def _pain(record: Record) -> tuple[float, int]:
    pain = record.metrics.get("mean_pain")
    return float("inf") if pain is None else pain, record.index


def cards_section(sweep: Sweep, titles: Mapping[str, str], run_figures: Callable[[Record], Figures]) -> str:
    cards: list[str] = []
    for record, why in choices(sweep):
        if record.status == "ok":
            what = f"{why} of its group by mean pain, {precise(record.metrics.get('mean_pain')) or 'none'}"
            try:
                figures = run_figures(record)
                content = "".join(figure_element(name, svg, f"run-{record.index}") for name, svg in figures.items())
            except ConfigError as error:  # its arrays are damaged
                content = f"<p>Its figures cannot be drawn: {escaped(error)}.</p>"
        else:
            what, content = (
                f'<span class="{escaped(why)}">{escaped(why)}</span>',
                f"<pre>{escaped(_clipped(record.error))}</pre>",
            )
        name = f"Run {record.index}, {escaped(titles[record.key])}, seed {escaped(record.config.get('seed'))}"
        cards.append(
            f'<details id="run-{record.index}"{"" if cards else " open"}><summary><b>{name}</b>: {what}</summary>'
            f"{content}</details>\n"
        )
    rest = len(sweep.records) - len(cards)
    told = f" Any of the other {rest:,} can be picked in the table above." if rest else ""
    return (
        "<p>Runs that went wrong first, then of each group the best, the median and the worst by mean pain, "
        f"{SHOWN} at most.{told}</p>\n{''.join(cards)}"
    )


def failures_section(sweep: Sweep) -> str:
    """What went wrong, runs with the same error together."""
    alike: dict[tuple[str, str], list[int]] = {}
    for record in sweep.records:
        if record.status != "ok":
            alike.setdefault((record.status, _clipped(record.error)), []).append(record.index)
    parts = []
    for (status, error), indices in alike.items():
        name = f"{'Run' if len(indices) == 1 else counted(len(indices), 'run') + ':'} {listed(indices, len(indices))}"
        head = f'<b>{name}</b> <span class="{escaped(status)}">{escaped(status)}</span>: {escaped(last_line(error))}'
        if len(error.strip().splitlines()) > 1:
            parts.append(f"<details><summary>{head}</summary><pre>{escaped(error)}</pre></details>\n")
        else:
            parts.append(f"<p>{head}</p>\n")
    return "".join(parts)


def _clipped(error: str | None) -> str:
    """An error, without the middle of a very long one: where it began and what it came to are at its ends."""
    text = error or "nothing is noted of why"
    if len(text) <= LONGEST_ERROR:
        return text
    half = LONGEST_ERROR // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters left out ...\n{text[-half:]}"
